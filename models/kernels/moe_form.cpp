#include "models/kernels/moe_form.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "sim/base/contract.hpp"

namespace windtunnel::models {
namespace {

double count(std::int64_t n) {
  return static_cast<double>(n);
}

double norm(double a, double b, double p) {
  const double most = std::max(a, b), least = std::min(a, b);
  if (least <= 0) return most;
  return most * std::exp(std::log1p(std::exp(p * std::log(least / most))) / p);
}

// x with density ~ x^-exponent on [low, high].
struct PowerLaw {
  double exponent, low, high;

  double integral(double power) const {  // of x^power
    const double s = power + 1;
    if (std::abs(s) < 1e-6) return std::log(high / low);
    return (std::pow(high, s) - std::pow(low, s)) / s;
  }
  double moment(double order) const { return integral(order - exponent) / integral(-exponent); }
  double below(double x) const {  // distribution function
    if (x <= low) return 0;
    if (x >= high) return 1;
    return PowerLaw{exponent, low, x}.integral(-exponent) / integral(-exponent);
  }
  double at(double share) const {  // its inverse
    const double s = 1 - exponent;
    if (std::abs(s) < 1e-6) return low * std::pow(high / low, share);
    const double from = std::pow(low, s);
    return std::pow(from + share * (std::pow(high, s) - from), 1 / s);
  }
};

// Expected largest of n standard normals (Blom), by log2 n.
double normal_maximum(double n) {
  constexpr std::array kMaxima{0.0,   0.589, 1.049, 1.434, 1.770, 2.074,
                               2.353, 2.611, 2.854, 3.083, 3.3};
  const double x = std::clamp(std::log2(n), 0.0, static_cast<double>(kMaxima.size()) - 1.001);
  const auto i = static_cast<std::size_t>(x);
  return kMaxima[i] + (x - static_cast<double>(i)) * (kMaxima[i + 1] - kMaxima[i]);
}

// Share of all pairs that the most loaded of `ranks` gets.
double largest_share(const PowerLaw& law, double experts, double ranks) {
  if (ranks <= 1) return 1;
  const double held = experts / ranks, mean = law.moment(1);
  const double variation = std::sqrt(std::max(law.moment(2) / (mean * mean) - 1, 0.0));
  const double deviation = variation * std::sqrt((1 - 1 / ranks) / held);
  const double most = normal_maximum(ranks);
  const double sigma2 = std::log1p(deviation * deviation);
  const double normal = 1 + most * deviation;
  const double lognormal = std::exp(most * std::sqrt(sigma2) - sigma2 / 2);
  const double cap = law.high / mean;  // every expert as popular as can be
  const double spread = std::sqrt(std::min(normal, cap) * std::min(lognormal, cap)) / ranks;
  const double top = law.at(std::exp2(-1 / experts));  // median of the largest
  const double rest = PowerLaw{law.exponent, law.low, top}.moment(1);
  const double with_top = (top + (held - 1) * rest) / (top + (experts - 1) * rest);
  return std::clamp(std::max(spread, with_top), 1 / ranks, 1.0);
}

constexpr std::array<ParameterRange<MoeParameters>, 9> kRanges{{
    {"launch", "s", &MoeParameters::launch, 1e-6, 5e-4},
    {"bandwidth_efficiency", "", &MoeParameters::bandwidth_efficiency, 0.02, 1.0},
    {"tensor_efficiency", "", &MoeParameters::tensor_efficiency, 0.01, 1.0},
    {"tile_rows", "", &MoeParameters::tile_rows, 1, 256},
    {"depth_step", "s", &MoeParameters::depth_step, 1e-12, 1e-7},
    {"sharpness", "", &MoeParameters::sharpness, 1.1, 30},
    {"pair_passes", "", &MoeParameters::pair_passes, 1e-3, 40},
    {"token_passes", "", &MoeParameters::token_passes, 1e-4, 40},
    {"expert_setup", "s", &MoeParameters::expert_setup, 1e-11, 1e-5},
}};

double matrices(const MoeQuery& q) {
  return q.mlp == ExpertMlp::gated ? 3.0 : 2.0;
}

double width(const MoeQuery& q) {
  return std::max(1.0, count(q.intermediate) / count(q.tensor_ranks));
}

}  // namespace

std::span<const ParameterRange<MoeParameters>> moe_parameter_ranges() {
  return kRanges;
}

MoeDevice moe_device(const sim::Gpu& gpu, NumberFormat format) {
  const AttentionDevice device = attention_device(gpu, format);
  return {device.tensor_rate, device.bandwidth, device.l2};
}

MoeLoad rank_load(const MoeQuery& q) {
  base::expects(q.tokens > 0 && q.top_k > 0 && q.experts > 0 && q.expert_ranks > 0,
                "an MoE layer has positive counts");
  const double experts = count(q.experts);
  const double ranks = std::min(count(q.expert_ranks), experts);
  const double all = count(q.tokens) * std::min(count(q.top_k), experts);
  MoeLoad load;
  load.experts = experts / ranks;
  if (q.skew <= 0 || experts <= 1) {
    load.pairs = std::max(all / ranks, 1.0);
    load.hit = std::clamp(std::min(load.experts, load.pairs), 1.0, load.experts);
    return load;
  }
  const bool many = all > experts;
  const PowerLaw law{q.skew, many ? 1.0 : 0.01, many ? std::max(0.8 * count(q.tokens), 2.0) : 2.0};
  // No expert can have more than every token.
  const double cap = load.experts / std::min(count(q.top_k), experts);
  const double share = std::max(std::min(largest_share(law, experts, ranks), cap), 1 / ranks);
  load.pairs = std::max(all * share, 1.0);
  const double idle = law.below(0.5 * experts * law.moment(1) / all);
  load.hit = load.experts * (1 - idle) * std::sqrt(share * ranks);
  load.hit = std::clamp(std::min(load.hit, load.pairs), 1.0, load.experts);
  return load;
}

double moe_time(const MoeQuery& q, const MoeLoad& load, const MoeParameters& p,
                const MoeDevice& device) {
  const double hidden = count(q.hidden), columns = width(q);
  const double elements = matrices(q) * hidden * columns;
  const double weights = load.hit * elements * weight_bytes(q.format);
  const double tiles = load.pairs / (load.hit * p.tile_rows);
  const double rows = load.hit * p.tile_rows * (tiles + 0.5 * (1 + std::exp(-2 * tiles)));
  const double stream = weights / (p.bandwidth_efficiency * device.bandwidth);
  const double products = 2 * rows * elements / (p.tensor_efficiency * device.tensor_rate);
  const double core =
      norm(norm(stream, products, p.sharpness), p.depth_step * (hidden + columns), p.sharpness);
  const double pair_bytes = load.pairs * (2 * hidden + 3 * columns) * 2;
  const double token_bytes = count(q.tokens) * count(q.top_k) * hidden * 2;
  return p.launch + core +
         (p.pair_passes * pair_bytes + p.token_passes * token_bytes) / device.bandwidth +
         p.expert_setup * load.experts;
}

double moe_time(const MoeQuery& q, const MoeParameters& p, const MoeDevice& device) {
  return moe_time(q, rank_load(q), p, device);
}

double moe_least_time(const MoeQuery& q, const MoeDevice& device) {
  const double elements = matrices(q) * count(q.hidden) * width(q);
  const double ranks = std::min(count(q.expert_ranks), count(q.experts));
  const double pairs = count(q.tokens) * count(q.top_k) / ranks;
  const double work = 2 * pairs * elements / device.tensor_rate;
  // At least as many experts as one token needs, spread over the ranks.
  const double hit = std::max(1.0, std::min(count(q.top_k), count(q.experts)) / ranks);
  const double weights = hit * elements * weight_bytes(q.format);
  return std::max(work, std::max(weights - device.l2, 0.0) / device.bandwidth);
}

MoeDefaults default_moe_parameters(const sim::Gpu& gpu, NumberFormat format) {
  MoeDefaults result;
  const bool narrow_weights = weight_bytes(format) < 0.9;
  if (gpu.architecture == "blackwell") {
    result.from = "b200-sxm, vllm 0.24.0";
  } else if (gpu.architecture == "hopper" || gpu.architecture == "ada") {
    result.from = "h100-sxm, vllm 0.24.0";
  } else {
    result.from = "a100-sxm-80gb, vllm 0.14.0";
  }
  if (narrow_weights) result.parameters.tensor_efficiency = 0.4;
  return result;
}

}  // namespace windtunnel::models

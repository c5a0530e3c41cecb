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
  const double power = p * std::log(least / most);
  constexpr double kNothing = -16;  // below 1e-7 of the larger
  return power < kNothing ? most : most * std::exp(std::log1p(std::exp(power)) / p);
}

// x with density ~ x^-exponent on [low, high], in units of low. All integrals follow from that of the
// density alone, mass(top) = (top^s - 1) / s with s = 1 - exponent, which also inverts for `top`.
struct PowerLaw {
  double exponent, low, high;

  double slope() const {  // s, kept off 0
    const double s = 1 - exponent;
    return std::abs(s) < 1e-6 ? 1e-6 : s;
  }
  double mass(double top) const { return std::expm1(slope() * std::log(top)) / slope(); }
  // Integral of x^order times the density up to `top`, order 1 or 2.
  double integral(int order, double top, double mass_of_top) const {
    const double s = slope();
    const double power = (1 + s * mass_of_top) * (order == 1 ? top : top * top);
    return std::abs(s + order) < 1e-6 ? std::log(top) : (power - 1) / (s + order);
  }
  double at(double mass_below) const {  // the top that has this mass
    return std::exp(std::log1p(mass_below * slope()) / slope());
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

struct Popularity {
  PowerLaw law;
  double mass, mean;  // of the whole range; mean in units of low
};

// Share of all pairs that the most loaded of `ranks` gets.
double largest_share(const Popularity& of, double experts, double ranks) {
  if (ranks <= 1) return 1;
  const double held = experts / ranks, range = of.law.high / of.law.low;
  const double square = of.law.integral(2, range, of.mass) / of.mass;
  const double variation2 = std::max(square / (of.mean * of.mean) - 1, 0.0);
  const double deviation2 = variation2 * (1 - 1 / ranks) / held;
  const double most = normal_maximum(ranks);
  const double sigma2 = std::log1p(deviation2);
  const double normal = 1 + most * std::sqrt(deviation2);
  const double lognormal = std::exp(most * std::sqrt(sigma2) - sigma2 / 2);
  const double cap = range / of.mean;  // every expert as popular as can be
  const double spread = std::sqrt(std::min(normal, cap) * std::min(lognormal, cap)) / ranks;
  const double mass_below = of.mass * std::exp2(-1 / experts);  // median of the largest
  const double top = of.law.at(mass_below);
  const double rest = of.law.integral(1, top, mass_below) / mass_below;
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
  Popularity popularity{law, law.mass(law.high / law.low), 0};
  popularity.mean = law.integral(1, law.high / law.low, popularity.mass) / popularity.mass;
  const double share =
      std::max(std::min(largest_share(popularity, experts, ranks), cap), 1 / ranks);
  load.pairs = std::max(all * share, 1.0);
  const double half_token =
      std::min(0.5 * experts * popularity.mean / all, law.high / law.low);  // in units of low
  const double idle = half_token > 1 ? law.mass(half_token) / popularity.mass : 0;
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
  // Fits of the tables named (calibration/README.md), rounded; order of MoeParameters.
  const double bytes = weight_bytes(format);
  const bool has_links = gpu.nvlink_bandwidth.value() > 0;
  if (gpu.architecture == "ada" || (gpu.architecture == "blackwell" && !has_links)) {
    return {{10e-6, 0.80, 0.94, 33, 1e-9, 3.2, 2.1, 0.53, 1e-8}, "rtx-pro-6000, vllm 0.19.0"};
  }
  if (gpu.architecture == "blackwell") {
    constexpr std::string_view kFrom = "b200-sxm, vllm 0.24.0";
    if (format == NumberFormat::nvfp4) {
      return {{18e-6, 0.81, 0.63, 1.9, 4e-10, 1.15, 1.7, 1.3, 2e-8}, kFrom};
    }
    if (format == NumberFormat::fp8_block || format == NumberFormat::mxfp8) {
      return {{24e-6, 0.83, 0.22, 1.3, 1.7e-9, 1.15, 0.03, 5.7, 1.3e-8}, kFrom};
    }
    if (format == NumberFormat::int4_weights) {
      return {{60e-6, 0.45, 0.13, 2.2, 9e-11, 1.15, 3.4, 8.3, 8e-10}, kFrom};
    }
    if (format == NumberFormat::mxfp4_mxfp8) {
      return {{29e-6, 0.73, 0.98, 1.8, 2e-10, 1.15, 2.8, 1.8, 3.9e-8}, kFrom};
    }
    if (bytes < 0.9) return {{21e-6, 0.80, 0.33, 28, 2.5e-11, 1.25, 4.4, 5.3, 5e-8}, kFrom};
    if (bytes < 1.5) return {{15e-6, 0.87, 0.57, 2.1, 1e-9, 1.15, 1.2, 1.2, 2.3e-8}, kFrom};
    return {{13e-6, 0.91, 0.48, 1.8, 1.6e-9, 1.2, 0.7, 0.95, 2.8e-8}, kFrom};
  }
  if (gpu.architecture == "hopper") {
    constexpr std::string_view kFrom = "h100-sxm, vllm 0.24.0";
    if (format == NumberFormat::mxfp4_weights) {
      return {{2e-6, 0.72, 0.70, 3.0, 1.35e-8, 1.15, 2.1, 0.95, 1.8e-9}, kFrom};
    }
    if (bytes < 0.9) return {{60e-6, 0.76, 0.30, 2.2, 7e-11, 1.15, 1.4, 4.6, 2e-9}, kFrom};
    if (bytes < 1.5) return {{28e-6, 0.98, 0.38, 110, 3.2e-10, 3.0, 2.7, 1.0, 1.5e-7}, kFrom};
    return {{26e-6, 0.98, 0.69, 29, 3.9e-9, 1.15, 0.01, 5.4, 4.5e-8}, kFrom};
  }
  if (gpu.architecture.starts_with("cdna")) {
    return {{20e-6, 0.6, 0.6, 10, 2e-9, 1.3, 1.0, 3.0, 3e-8},
            "no table: between h100-sxm and b200-sxm"};
  }
  return {{3e-6, 0.67, 0.35, 18, 2.2e-8, 1.65, 0.01, 5.7, 7e-9}, "a100-sxm-80gb, vllm 0.14.0"};
}

}  // namespace windtunnel::models

#include "models/kernels/gemm_form.hpp"

#include <algorithm>
#include <cmath>

#include "models/gpu_library.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::models {
namespace {

constexpr double kThrottleTime = 0.5e-3;  // s: regulators average the power over about this long
constexpr double kLeastPartOfK = 64.0;    // elements of k a part of a split product keeps at least
constexpr double kMissWidth = 0.25;       // of the L2: how far beyond it half the operands miss

struct TileShape {
  double m, n;
};
// Tile shapes of the shipped kernels: CUTLASS and cuBLAS on tensor cores keep 64 to 256 of the outputs
// (n) and 16 to 256 tokens (m); tcgen05 pairs of SMs work on 256 x 256.
constexpr std::array kTiles{TileShape{16, 64},   TileShape{32, 64},  TileShape{64, 64},
                            TileShape{64, 128},  TileShape{128, 64}, TileShape{128, 128},
                            TileShape{128, 256}, TileShape{256, 128}};

double miss_share(double fill) {
  const double beyond = std::max(0.0, fill - 1.0);
  return beyond / (beyond + kMissWidth);
}

// Slow-down where rows of `bytes` bytes do not begin on 16.
double row_penalty(double bytes) {
  const auto whole = static_cast<std::int64_t>(bytes);
  if (whole % 16 == 0) return 1.0;
  if (whole % 8 == 0) return 1.1;
  return whole % 4 == 0 ? 1.35 : 2.0;
}

}  // namespace

const std::array<GemmParameterSpec, kGemmParameterCount>& gemm_parameter_specs() {
  using P = GemmParameters;
  static constexpr std::array<GemmParameterSpec, kGemmParameterCount> kSpecs{{
      {"launch", "s", "least time of a product", &P::launch, 5e-7, 1e-3},
      {"efficiency", "1", "share of the math peak, largest tile", &P::efficiency, 0.02, 1.1},
      {"dram_efficiency", "1", "share of the DRAM bandwidth", &P::dram_efficiency, 0.2, 1.0},
      {"l2_bandwidth", "1", "L2 over DRAM bandwidth", &P::l2_bandwidth, 1.0, 20.0},
      {"l2_share", "1", "share of the L2 that keeps operands", &P::l2_share, 0.05, 1.2},
      {"tile", "s", "prologue and epilogue of a tile", &P::tile, 5e-8, 2e-5},
      {"load", "elements", "tile edge where loads cost as much as math", &P::load, 0.5, 1000.0},
      {"quantization", "1", "part of an incomplete wave that is paid", &P::quantization, 0.02, 1.0},
      {"split", "s", "sum over the parts of k", &P::split, 5e-8, 1e-4},
      {"overlap", "1", "part of the shorter of math and memory not hidden", &P::overlap, 0.01, 1.0},
      {"throttle", "1", "slow-down of long products", &P::throttle, 0.002, 1.5},
      {"staging", "bytes", "traffic an element of A before the product", &P::staging, 0.02, 50.0},
      {"ragged", "s", "extra where m is no multiple of 4", &P::ragged, 1e-9, 1e-3},
  }};
  return kSpecs;
}

GemmForm::GemmForm(const sim::Gpu& gpu, NumberFormat format, const GemmParameters& parameters)
    : parameters_(parameters),
      sms_(static_cast<double>(gpu.streaming_multiprocessors)),
      inverse_sms_(1.0 / sms_),
      peak_(math_rate(gpu, format).peak.value()),
      bandwidth_(gpu.memory_bandwidth.value()),
      l2_(gpu.l2_cache.value()),
      weight_bytes_(weight_bytes(format)),
      activation_bytes_(activation_bytes(format)),
      output_bytes_(output_bytes(format)) {
  base::expects(sms_ >= 1.0 && peak_ > 0.0 && bandwidth_ > 0.0, "a GPU sheet with SMs and rates");
  inverse_l2_ = 1.0 / (parameters.l2_bandwidth * bandwidth_);
  inverse_dram_ = 1.0 / (parameters.dram_efficiency * bandwidth_);
  beyond_l2_ = std::max(0.0, inverse_dram_ - inverse_l2_);
  inverse_share_ = l2_ > 0.0 ? 1.0 / (parameters.l2_share * l2_) : 1.0;
  const double best = 1.0 + parameters.load * (1.0 / 128.0 + 1.0 / 256.0);
  const double per_multiply = 2.0 * sms_ / (parameters.efficiency * peak_ * best);
  for (const TileShape& shape : kTiles) {
    Tile tile{};
    tile.inverse_m = 1.0 / shape.m;
    tile.inverse_n = 1.0 / shape.n;
    tile.step = per_multiply * (shape.m * shape.n + parameters.load * (shape.m + shape.n));
    tile.fixed = parameters.tile * (0.5 + 0.5 * shape.m * shape.n / (128.0 * 128.0));
    tile.partial = 8.0 * shape.m * shape.n * inverse_l2_;
    tiles_.push_back(tile);
  }
}

double GemmForm::math(const Shape& shape) const {
  const double q = parameters_.quantization;
  const double most_parts = shape.k * (1.0 / kLeastPartOfK);
  double best = 1e300;
  for (const Tile& tile : tiles_) {
    const double tiles =
        shape.problems * std::ceil(shape.m * tile.inverse_m) * std::ceil(shape.n * tile.inverse_n);
    const double full = tiles * inverse_sms_;
    const double waves = std::max(1.0, q * std::ceil(full) + (1.0 - q) * full);
    best = std::min(best, waves * (shape.k * tile.step + tile.fixed));
    if (full > 0.5 || most_parts < 1.0) continue;
    const double parts = std::min(1.0 / full, most_parts);
    best = std::min(best, shape.k / parts * tile.step + tile.fixed + parameters_.split +
                              tile.partial * tiles * parts);
  }
  const double x = best * (1.0 / kThrottleTime);
  return best * (1.0 + parameters_.throttle * x / (1.0 + x));
}

double GemmForm::memory(const Shape& shape, Cache cache) const {
  const double weights = shape.n * shape.k * weight_bytes_ * shape.problems;
  const double others =
      (shape.m * shape.k * activation_bytes_ + shape.m * shape.n * output_bytes_) * shape.problems;
  double in_turn = parameters_.copies * weights;
  if (parameters_.copies_fill_l2 > 0.5) in_turn = std::min(in_turn, l2_ + weights);
  const double weight_miss =
      cache == Cache::cold ? 1.0 : miss_share((others + in_turn) * inverse_share_);
  const double dram =
      weights * weight_miss + others * miss_share((others + weights) * inverse_share_);
  return dram * beyond_l2_ + (weights + others) * inverse_l2_;
}

double GemmForm::misaligned(const GemmQuery& query) const {
  if (activation_bytes_ < 2.0 || weight_bytes_ < 2.0 || ((query.n | query.k) & 7) == 0) return 1.0;
  const double inputs = row_penalty(static_cast<double>(query.k) * activation_bytes_);
  const double outputs = row_penalty(static_cast<double>(query.n) * output_bytes_);
  return 1.0 + parameters_.misalignment * (inputs - 1.0 + (outputs - 1.0) / 3.0);
}

base::Seconds GemmForm::time(const GemmQuery& query, Cache cache) const {
  const Shape shape{static_cast<double>(query.m), static_cast<double>(query.n),
                    static_cast<double>(query.k),
                    static_cast<double>(query.batch) * static_cast<double>(query.groups)};
  const double a = math(shape) * misaligned(query), b = memory(shape, cache);
  const double ragged = (query.m & 3) == 0 ? 0.0 : parameters_.ragged;
  const double staged = shape.m * shape.k * shape.problems * parameters_.staging;
  return base::Seconds(parameters_.launch + std::max(a, b) + parameters_.overlap * std::min(a, b) +
                       staged * inverse_dram_ + ragged);
}

base::Seconds GemmForm::roofline(const GemmQuery& query) const {
  return base::Seconds(std::max(flops(query).value() / peak_, bytes(query).value() / bandwidth_));
}

MathRate math_rate(const sim::Gpu& gpu, NumberFormat format) {
  const std::string_view wanted = math_peak(format);
  return {peak_of(gpu, wanted), !gpu.peak.contains(std::string(wanted))};
}

}  // namespace windtunnel::models

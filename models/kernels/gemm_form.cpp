#include "models/kernels/gemm_form.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "models/gpu_library.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::models {
namespace {

constexpr double kThrottleTime = 0.5e-3;  // s: regulators average the power over about this long
constexpr double kLeastPartOfK = 64.0;    // elements of k a part of a split product keeps at least
constexpr double kHostExposed = 0.4;      // of the shorter of device and eager host
constexpr double kNoHost = 1e-8;          // s: a table of graphs
constexpr double kMissWidth = 0.25;       // of the L2: how far beyond it half the operands miss

struct TileShape {
  int log2_m, log2_n;
};
// Tile shapes of the shipped kernels: CUTLASS and cuBLAS on tensor cores keep 64 to 256 of the
// outputs (n) and 16 to 256 tokens (m); tcgen05 pairs of SMs work on 256 x 256.
constexpr std::array kTiles{TileShape{4, 6}, TileShape{5, 6}, TileShape{6, 6}, TileShape{6, 7},
                            TileShape{7, 6}, TileShape{7, 7}, TileShape{7, 8}, TileShape{8, 7}};
// A sheet with one SM is a CPU's (device_sheet.hpp): its kernels round up to a block of registers only.
constexpr std::array kRegisterBlocks{TileShape{4, 4}};

// Like std::ceil for counts below 2^62, without its call on machines without SSE 4.1.
double whole_up(double x) {
  const auto whole = static_cast<double>(static_cast<std::int64_t>(x));
  return whole + (whole < x ? 1.0 : 0.0);
}

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
      {"efficiency", "1", "share of the math peak, largest tile", &P::efficiency, 0.02, 1.05},
      {"dram_efficiency", "1", "share of the DRAM bandwidth", &P::dram_efficiency, 0.2, 0.98},
      {"l2_bandwidth", "1", "L2 over DRAM bandwidth", &P::l2_bandwidth, 1.5, 8.0},
      {"l2_share", "1", "share of the L2 that keeps operands", &P::l2_share, 0.1, 1.2},
      {"tile", "s", "prologue and epilogue of a tile", &P::tile, 5e-8, 2e-5},
      {"load", "elements", "tile edge where loads cost as much as math", &P::load, 0.5, 256.0},
      {"quantization", "1", "part of an incomplete wave that is paid", &P::quantization, 0.02, 1.0},
      {"split", "s", "sum over the parts of k", &P::split, 5e-8, 5e-5},
      {"overlap", "1", "part of the shorter of math and memory not hidden", &P::overlap, 0.01, 1.0},
      {"throttle", "1", "slow-down of long products", &P::throttle, 0.002, 1.0},
      {"staging", "bytes", "traffic an element of A before the product", &P::staging, 0.02, 50.0},
      {"ragged", "s", "extra where m is no multiple of 4", &P::ragged, 1e-9, 1e-3},
      {"host", "s", "least time between eager calls", &P::host, 1e-9, 2e-3},
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
  const std::span<const TileShape> shapes =
      gpu.streaming_multiprocessors == 1 ? std::span<const TileShape>(kRegisterBlocks) : kTiles;
  for (const TileShape& shape : shapes) {
    const double m = std::ldexp(1.0, shape.log2_m), n = std::ldexp(1.0, shape.log2_n);
    Tile tile{};
    tile.log2_m = shape.log2_m;
    tile.log2_n = shape.log2_n;
    tile.step = per_multiply * (m * n + parameters.load * (m + n));
    tile.fixed = parameters.tile * (0.5 + 0.5 * m * n / (128.0 * 128.0));
    tile.partial = 8.0 * m * n * inverse_l2_;
    tiles_.push_back(tile);
  }
}

double GemmForm::math(const GemmQuery& query) const {
  const double q = parameters_.quantization, k = static_cast<double>(query.k);
  const double most_parts = k * (1.0 / kLeastPartOfK);
  const std::int64_t problems = query.batch * query.groups, m = query.m - 1, n = query.n - 1;
  double best = 1e300;
  for (const Tile& tile : tiles_) {
    const auto tiles =
        static_cast<double>(problems * ((m >> tile.log2_m) + 1) * ((n >> tile.log2_n) + 1));
    const double full = tiles * inverse_sms_;
    if (full > 0.5 || most_parts < 1.0) {
      const double waves = std::max(1.0, q * whole_up(full) + (1.0 - q) * full);
      best = std::min(best, waves * (k * tile.step + tile.fixed));
      continue;
    }
    const double parts = std::min(sms_ / tiles, most_parts);
    best = std::min(best, k * tile.step + tile.fixed);
    best = std::min(best, k / parts * tile.step + tile.fixed + parameters_.split +
                              tile.partial * tiles * parts);
  }
  const double x = best * (1.0 / kThrottleTime);
  return best * (1.0 + parameters_.throttle * x / (1.0 + x));
}

GemmForm::Traffic GemmForm::memory(const Shape& shape) const {
  const double weights = shape.n * shape.k * weight_bytes_ * shape.problems;
  const double others =
      (shape.m * shape.k * activation_bytes_ + shape.m * shape.n * output_bytes_) * shape.problems;
  double in_turn = parameters_.copies * weights;
  if (parameters_.copies_fill_l2 > 0.5) in_turn = std::min(in_turn, l2_ + weights);
  const double hit = (weights + others) * inverse_l2_ +
                     others * miss_share((others + weights) * inverse_share_) * beyond_l2_;
  const double weight_miss = miss_share((others + in_turn) * inverse_share_);
  return {hit + weights * weight_miss * beyond_l2_, hit + weights * beyond_l2_};
}

double GemmForm::misaligned(const GemmQuery& query) const {
  if (activation_bytes_ < 2.0 || weight_bytes_ < 2.0 || ((query.n | query.k) & 7) == 0) return 1.0;
  const double inputs = row_penalty(static_cast<double>(query.k) * activation_bytes_);
  const double outputs = row_penalty(static_cast<double>(query.n) * output_bytes_);
  return 1.0 + parameters_.misalignment * (inputs - 1.0 + (outputs - 1.0) / 3.0);
}

GemmForm::Times GemmForm::times(const GemmQuery& query) const {
  const Shape shape{static_cast<double>(query.m), static_cast<double>(query.n),
                    static_cast<double>(query.k), static_cast<double>(query.batch * query.groups)};
  const double products = math(query) * misaligned(query);
  const Traffic traffic = memory(shape);
  const double staged = shape.m * shape.k * shape.problems * parameters_.staging * inverse_dram_;
  const double ragged = (query.m & 3) == 0 ? 0.0 : parameters_.ragged;
  const bool eager_host = parameters_.host > kNoHost;
  const double fixed = parameters_.launch + staged + (eager_host ? 0.0 : ragged);
  const auto together = [&](double memory) {
    return base::Seconds(fixed + std::max(products, memory) +
                         parameters_.overlap * std::min(products, memory));
  };
  return {together(traffic.warm), together(traffic.cold), base::Seconds(parameters_.host + ragged)};
}

base::Seconds GemmForm::time(const GemmQuery& query, Cache cache) const {
  const Times both = times(query);
  return cache == Cache::warm ? eager(both.warm, both.host) : both.cold;
}

base::Seconds GemmForm::eager(base::Seconds device, base::Seconds host) {
  return base::max(device, host) + kHostExposed * base::min(device, host);
}

base::Seconds GemmForm::roofline(const GemmQuery& query) const {
  return base::Seconds(std::max(flops(query).value() / peak_, bytes(query).value() / bandwidth_));
}

MathRate math_rate(const sim::Gpu& gpu, NumberFormat format) {
  const std::string_view wanted = math_peak(format);
  return {peak_of(gpu, wanted), !gpu.peak.contains(std::string(wanted))};
}

}  // namespace windtunnel::models

#include "models/kernels/power_limit.hpp"

#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "models/gpu_library.hpp"

namespace windtunnel::models {
namespace {

constexpr double kPico = 1e-12;

struct Draw {
  std::string_view architecture;
  double energy;              // pJ a 16-bit FLOP, at `at` where that is given
  double fp32;                // kept of the fp32 peak
  double clock_exponent = 0;  // beta
  double overdraw = 1;        // kappa
  double eight_bits = 0.5;    // energy of an 8-bit FLOP over that of a 16-bit one
  double at = 0;              // W
  double growth = 0;          // of the energy with the power allowed
};
constexpr std::array kDraws{
    Draw{"volta", 2.3, 1.0},
    Draw{"turing", 1.2, 0.9},
    Draw{"ampere", 1.7, 0.75, 0.7, 1.21329},
    Draw{"ada", 1.0, 0.95},
    Draw{"hopper", 1.15, 0.61},
    Draw{"blackwell", 1.0, 0.61, 0.0, 1, 0.43},
    Draw{"cdna3", 1.074, 0.55, 0.7, 1.713, 0.59, 750, 0.394},
    Draw{"cdna4", 0.80, 0.55, 0.7, 1.315, 0.52, 1400, 0.394},
};
constexpr Draw kUnknown{"", 1.1, 0.8};

const Draw& draw_of(const sim::Gpu& gpu) {
  for (const Draw& one : kDraws)
    if (one.architecture == gpu.architecture) return one;
  return kUnknown;
}

// Joules a 16-bit FLOP.
double energy_of(const sim::Gpu& gpu) {
  const Draw& draw = draw_of(gpu);
  const double higher = draw.at > 0 ? std::pow(gpu.power.value() / draw.at, draw.growth) : 1.0;
  return draw.energy * kPico * higher;
}

// FLOPs of a format for the energy of one at 16 bits.
double flops_per_half(const sim::Gpu& gpu, NumberFormat format) {
  const std::string math = math_run_as(gpu, math_peak(format));
  if (math == "fp8") return 1.0 / draw_of(gpu).eight_bits;
  if (math == "int8" || math == "mxfp8") return 2.0;
  if (math == "nvfp4" || math == "fp4")
    return peak_of(gpu, math) >= peak_of(gpu, "fp8") * 2.5 ? 6.0 : 4.0;
  if (math == "int4") return 4.0;
  if (math == "tf32") return 0.5;
  return 1.0;
}

// Of the board whose best products are known at full clock: this one's, or that of `at`.
base::FlopsPerSecond rate_at(const sim::Gpu& gpu, const Draw& draw, NumberFormat format) {
  if (draw.at <= 0) return sustained_rate(gpu, format);
  return base::FlopsPerSecond(draw.at / (draw.energy * kPico) * flops_per_half(gpu, format));
}

}  // namespace

base::Seconds sustained_time(const sim::Gpu& gpu, NumberFormat format, base::Flops products,
                             base::Seconds alone) {
  const base::FlopsPerSecond rate = sustained_rate(gpu, format);
  if (!(rate < base::FlopsPerSecond::infinity()) || products.value() <= 0) return alone;
  const Draw& draw = draw_of(gpu);
  const double drawn = (products / alone) / (rate_at(gpu, draw, format) * draw.overdraw);
  const double share = std::pow(drawn, draw.clock_exponent);
  return base::max(alone, products / (rate * share));
}

base::FlopsPerSecond sustained_rate(const sim::Gpu& gpu, NumberFormat format) {
  if (gpu.power.value() <= 0) return base::FlopsPerSecond::infinity();
  if (math_run_as(gpu, math_peak(format)) == "fp32")
    return peak_of(gpu, "fp32") * draw_of(gpu).fp32;
  return base::FlopsPerSecond(gpu.power.value() / energy_of(gpu) * flops_per_half(gpu, format));
}

}  // namespace windtunnel::models

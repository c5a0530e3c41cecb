#include "models/kernels/power_limit.hpp"

#include <array>
#include <cmath>
#include <string_view>

#include "models/gpu_library.hpp"

namespace windtunnel::models {
namespace {

constexpr double kPico = 1e-12;
constexpr double kBestShare = 0.915;  // of the peak, r1

struct Draw {
  std::string_view architecture;
  double energy;              // pJ a 16-bit FLOP, at `at` where that is given
  double clock_exponent = 0;  // beta
  double eight_bits = 0.5;    // energy of an 8-bit FLOP over that of a 16-bit one
  double at = 0;              // W
  double growth = 0;          // of the energy with the power allowed
};
constexpr std::array kDraws{
    Draw{"volta", 2.3},
    Draw{"turing", 1.2},
    Draw{"ampere", 1.7, 0.7},
    Draw{"ada", 1.0},
    Draw{"hopper", 1.15},
    Draw{"blackwell", 1.0, 0.0, 0.43},
    Draw{"cdna3", 1.074, 0.7, 0.59, 750, 0.394},
    Draw{"cdna4", 0.80, 0.7, 0.52, 1400, 0.394},
};
constexpr Draw kUnknown{"", 1.1};

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

}  // namespace

base::Seconds sustained_time(const sim::Gpu& gpu, NumberFormat format, base::Flops products,
                             base::Seconds alone) {
  const base::FlopsPerSecond rate = sustained_rate(gpu, format);
  const base::FlopsPerSecond peak = peak_of(gpu, math_peak(format));
  if (!(rate < base::FlopsPerSecond::infinity()) || products.value() <= 0) return alone;
  const double beta = draw_of(gpu).clock_exponent;
  double share = 1.0;
  if (beta > 0 && peak.value() > 0)
    share = std::pow((products / alone) / (peak * kBestShare), beta);
  return base::max(alone, products / (rate * share));
}

base::FlopsPerSecond sustained_rate(const sim::Gpu& gpu, NumberFormat format) {
  const base::FlopsPerSecond half = peak_of(gpu, "fp16");
  if (gpu.power.value() <= 0 || half.value() <= 0) return base::FlopsPerSecond::infinity();
  const double wider = peak_of(gpu, math_peak(format)) / half;
  const double cheaper = math_peak(format) == "fp8" ? 0.5 / draw_of(gpu).eight_bits : 1.0;
  return base::FlopsPerSecond(gpu.power.value() / energy_of(gpu) * wider * cheaper);
}

}  // namespace windtunnel::models

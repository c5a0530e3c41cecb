#include "models/kernels/power_limit.hpp"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "models/gpu_library.hpp"

namespace windtunnel::models {
namespace {

constexpr double kPico = 1e-12;
constexpr double kBestShare = 0.915;  // of the peak, r1

// Joules a 16-bit FLOP.
double energy_of(std::string_view architecture) {
  constexpr std::array<std::pair<std::string_view, double>, 6> kEnergies{{
      {"volta", 2.3},
      {"turing", 1.2},
      {"ampere", 1.7},
      {"ada", 1.0},
      {"hopper", 1.15},
      {"blackwell", 1.0},
  }};
  for (const auto& [name, energy] : kEnergies)
    if (name == architecture) return energy * kPico;
  return 1.1 * kPico;
}

double clock_exponent(std::string_view architecture) {
  return architecture == "ampere" ? 0.7 : 0.0;
}

// Joules of an 8-bit FLOP over those of a 16-bit one.
double energy_of_eight_bits(std::string_view architecture) {
  return architecture == "blackwell" ? 0.43 : 0.5;
}

}  // namespace

base::Seconds sustained_time(const sim::Gpu& gpu, NumberFormat format, base::Flops products,
                             base::Seconds alone) {
  const base::FlopsPerSecond rate = sustained_rate(gpu, format);
  const base::FlopsPerSecond peak = peak_of(gpu, math_peak(format));
  if (!(rate < base::FlopsPerSecond::infinity()) || products.value() <= 0) return alone;
  const double beta = clock_exponent(gpu.architecture);
  double share = 1.0;
  if (beta > 0 && peak.value() > 0)
    share = std::pow((products / alone) / (peak * kBestShare), beta);
  return base::max(alone, products / (rate * share));
}

base::FlopsPerSecond sustained_rate(const sim::Gpu& gpu, NumberFormat format) {
  const base::FlopsPerSecond half = peak_of(gpu, "fp16");
  if (gpu.power.value() <= 0 || half.value() <= 0) return base::FlopsPerSecond::infinity();
  const double wider = peak_of(gpu, math_peak(format)) / half;
  const double cheaper =
      math_peak(format) == "fp8" ? 0.5 / energy_of_eight_bits(gpu.architecture) : 1.0;
  return base::FlopsPerSecond(gpu.power.value() / energy_of(gpu.architecture) * wider * cheaper);
}

}  // namespace windtunnel::models

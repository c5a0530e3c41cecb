#include "strategies/serve/step/batch_rates.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "models/gpu_library.hpp"
#include "models/kernels/power_limit.hpp"

namespace windtunnel::strategies {
namespace {

using models::NumberFormat;

// Of an architecture whose batches were measured; rate of INT8, FLOP/s an SM at
// `watts` an SM.
struct Measured {
  const char* architecture;
  double convolution, rate, watts;
};
constexpr Measured kMeasured[] = {{"hopper", 0.52, 7.95e12, 700.0 / 132},
                                  {"ada", 0.78, 1.83e12, 72.0 / 58}};
constexpr double kIntegerShare = 0.72;
constexpr double kPowerExponent = 0.6;
constexpr double kLookup = 360;  // FLOPs of INT8 for the energy of a byte

// Eight-bit products of either kind run at one rate; those of tables with their
// casts do not.
double best_of_profile(const models::KernelTimeModel& kernels, NumberFormat format) {
  const NumberFormat timed = models::activation_bytes(format) < 2.0 ? NumberFormat::int8 : format;
  double best = 0;
  for (const auto& [n, k] : {std::pair{1024, 2304}, {4096, 4096}, {8192, 8192}}) {
    const models::GemmQuery large{.m = 16'384, .n = n, .k = k, .format = timed};
    best = std::max(best, (models::flops(large) / kernels.time(large).time).value());
  }
  return best;
}

double format_share(NumberFormat format) {
  if (format == NumberFormat::int8) return 1.0;
  return models::activation_bytes(format) < 2.0 ? 0.9 : 0.58;
}

}  // namespace

BatchRates batch_rates(const sim::Gpu& gpu, const models::KernelTimeModel& kernels,
                       NumberFormat format) {
  const double best = best_of_profile(kernels, format);
  const double peak = models::peak_of(gpu, models::math_peak(format)).value();
  for (const Measured& one : kMeasured) {
    if (gpu.architecture != one.architecture || !(peak > 0)) continue;
    const auto units = static_cast<double>(gpu.streaming_multiprocessors);
    const double watts = gpu.power.value() / units;
    const bool integer = format == NumberFormat::int8;
    const double power = watts > 0 ? std::pow(watts / one.watts, kPowerExponent)
                                   : std::numeric_limits<double>::infinity();
    const double integers = units * one.rate * power;
    return {.convolution = one.convolution * peak,
            .product = integer ? std::max(best, kIntegerShare * peak) : best,
            .sustained = integers * format_share(format),
            .lookups = integers / kLookup};
  }
  const NumberFormat timed = models::activation_bytes(format) < 2.0 ? NumberFormat::int8 : format;
  const double rate = std::min(best, models::sustained_rate(gpu, timed).value());
  constexpr double kNoLimit = std::numeric_limits<double>::infinity();
  return {.convolution = rate, .product = rate, .sustained = kNoLimit, .lookups = kNoLimit};
}

}  // namespace windtunnel::strategies

#include "strategies/train/goodput.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {

using base::Seconds;

double failure_rate(const sim::Failures& failures, std::int64_t gpus, std::int64_t nodes) {
  return static_cast<double>(gpus) / failures.gpu_mtbf.value() +
         static_cast<double>(nodes) / failures.node_mtbf.value();
}

Seconds segment_time(const GoodputCase& job, std::int64_t steps) {
  const CheckpointCost& saved = job.checkpoint;
  const Seconds working = job.step * static_cast<double>(steps) + saved.stop;
  const Seconds segment = base::max(working, saved.stop + saved.behind);
  const double rate = job.failures_per_s;
  if (rate <= 0) return segment;
  const Seconds restart = job.restart + saved.read;
  const double expected =
      std::exp(rate * restart.value()) * std::expm1(rate * segment.value()) / rate;
  // Failures while the checkpoint before is still being written.
  const double again = -std::expm1(-rate * saved.behind.value()) * segment.value();
  return Seconds(expected + again);
}

double training_time_ratio(const GoodputCase& job, std::int64_t steps) {
  return job.step * static_cast<double>(steps) / segment_time(job, steps);
}

std::int64_t best_interval(const GoodputCase& job) {
  base::expects(job.failures_per_s > 0 && job.step.value() > 0,
                "without failures no interval is best");
  // The ratio rises, then falls with the logarithm of the interval: thirds of a bracket that ends
  // where a segment outlasts ten mean times between failures.
  const double longest = std::max(2.0, 10.0 / job.failures_per_s / job.step.value());
  double low = 0.0, high = std::log(longest);
  const auto at = [&job](double log_steps) {
    return training_time_ratio(job, std::max<std::int64_t>(1, std::llround(std::exp(log_steps))));
  };
  for (int i = 0; i < 100; ++i) {
    const double third = (high - low) / 3;
    if (at(low + third) < at(high - third)) {
      low += third;
    } else {
      high -= third;
    }
  }
  return std::max<std::int64_t>(1, std::llround(std::exp((low + high) / 2)));
}

}  // namespace windtunnel::strategies

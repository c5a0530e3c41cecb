// Timing one piece of work until its median is known well enough.
//
// Model: a sample is the mean time of `calls` back-to-back calls, calls chosen so that a sample lasts
// at least `min_sample` (clock resolution and the clock's own cost become small). Samples are taken
// until the 95 % confidence interval of the median is narrower than +- `relative_half_width` of it,
// at least `min_samples` and at most `max_samples` or `max_time`. The interval is distribution-free,
// from order statistics: ranks floor((n - z sqrt n) / 2) and ceil(1 + (n + z sqrt n) / 2), z = 1.96
// (Le Boudec, Performance Evaluation of Computer and Communication Systems, 2010, theorem 2.1).
// Outliers are samples further than 5 scaled median absolute deviations (1.4826 MAD) from the
// median: they are counted and stay in every figure. The time of a row is the median.
// Between processes a sample is the slowest rank's, and every decision is taken on agreed numbers.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <string_view>
#include <vector>

#include "real/peers.hpp"
#include "real/stopwatch.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::real {

struct SamplingPlan {
  base::Seconds warm_up{0.01};  // and at least warm_up_calls
  std::int64_t warm_up_calls = 2;
  base::Seconds min_sample{200e-6};
  std::int64_t max_calls_per_sample = 100000;
  int min_samples = 11, max_samples = 201;
  double relative_half_width = 0.01;
  base::Seconds max_time{1.0};  // of sampling, warm-up left out
};

struct SampleSummary {
  base::Seconds median{0}, min{0}, p10{0}, p90{0};
  base::Seconds ci_half_width{0};  // 95 %, of the median
  int samples = 0, outliers = 0;
};
// Of at least one sample; order does not matter.
SampleSummary summarize(std::vector<base::Seconds> samples);

struct Sampled {
  SampleSummary summary;
  std::int64_t calls_per_sample = 1;
  enum class Stop { converged, max_samples, max_time } stop = Stop::converged;
};
std::string_view to_text(Sampled::Stop stop);

// Asked between samples on every rank; true ends the program's work (Ctrl-C): throws Interrupted.
using StopSignal = std::function<bool()>;
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

Sampled sample(Stopwatch& stopwatch, const Work& work, const SamplingPlan& plan, Peers& peers,
               const StopSignal& stop);

}  // namespace windtunnel::real

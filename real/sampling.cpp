#include "real/sampling.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "sim/base/contract.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::real {
namespace {

using base::Seconds;

// Linear between the order statistics around p * (n - 1).
// Half the distance between the two order statistics that bracket the median at 95 %; with fewer
// than 6 samples no such pair exists and the whole range stands in for it.
Seconds median_half_width(const std::vector<Seconds>& sorted) {
  const auto n = static_cast<double>(sorted.size());
  const double spread = 1.96 * std::sqrt(n);
  const auto low = static_cast<std::int64_t>(std::floor((n - spread) / 2));
  const auto high = static_cast<std::int64_t>(std::ceil(1 + (n + spread) / 2));
  const auto last = static_cast<std::int64_t>(sorted.size());
  const Seconds below = sorted[static_cast<std::size_t>(std::max<std::int64_t>(low, 1) - 1)];
  const Seconds above = sorted[static_cast<std::size_t>(std::min(high, last) - 1)];
  return 0.5 * (above - below);
}

int count_outliers(const std::vector<Seconds>& sorted, Seconds median) {
  std::vector<Seconds> deviations;
  deviations.reserve(sorted.size());
  for (const Seconds sample : sorted)
    deviations.push_back(base::max(sample - median, median - sample));
  const Seconds limit = 5.0 * 1.4826 * base::median(deviations);
  return static_cast<int>(std::count_if(deviations.begin(), deviations.end(),
                                        [&](Seconds deviation) { return deviation > limit; }));
}

class SteadyClock {
 public:
  Seconds since_start() const {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_;
    return Seconds(taken.count());
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// One point being sampled: the call number goes on from warm-up to the last sample.
class Sampler {
 public:
  Sampler(Stopwatch& stopwatch, const Work& work, const SamplingPlan& plan, Peers& peers,
          const StopSignal& stop)
      : stopwatch_(stopwatch), work_(work), plan_(plan), peers_(peers), stop_(stop) {}

  // The time of one call, from the last batch of the warm-up.
  Seconds warm_up() {
    const SteadyClock clock;
    std::int64_t calls = 1;
    for (std::int64_t made = 0;;) {
      const Seconds per_call = take(calls);
      made += calls;
      const bool enough = made >= plan_.warm_up_calls && clock.since_start() >= plan_.warm_up;
      if (agreed(enough)) return per_call;
      calls = std::min(calls * 2, plan_.max_calls_per_sample);
    }
  }

  Sampled run() {
    const Seconds per_call = warm_up();
    Sampled out;
    const double wanted = std::ceil(plan_.min_sample / base::max(per_call, Seconds(1e-9)));
    out.calls_per_sample =
        std::clamp(static_cast<std::int64_t>(wanted), std::int64_t{1}, plan_.max_calls_per_sample);
    const SteadyClock clock;
    std::vector<Seconds> samples;
    for (;;) {
      samples.push_back(take(out.calls_per_sample));
      const bool late = agreed(clock.since_start() >= plan_.max_time);
      const auto count = static_cast<int>(samples.size());
      if (count < plan_.min_samples && !(late && count >= 3)) continue;
      out.summary = summarize(samples);
      if (out.summary.ci_half_width <= plan_.relative_half_width * out.summary.median) {
        out.stop = Sampled::Stop::converged;
      } else if (late) {
        out.stop = Sampled::Stop::max_time;
      } else if (count >= plan_.max_samples) {
        out.stop = Sampled::Stop::max_samples;
      } else {
        continue;
      }
      return out;
    }
  }

 private:
  bool agreed(bool mine) { return peers_.max(mine ? 1.0 : 0.0) > 0.5; }

  // Mean time of a call over the batch, of the slowest rank.
  Seconds take(std::int64_t calls) {
    if (agreed(stop_ && stop_())) throw Interrupted();
    const Seconds total = stopwatch_.time(work_, next_call_, calls);
    next_call_ += calls;
    return Seconds(peers_.max((total / static_cast<double>(calls)).value()));
  }

  Stopwatch& stopwatch_;
  const Work& work_;
  const SamplingPlan& plan_;
  Peers& peers_;
  const StopSignal& stop_;
  std::int64_t next_call_ = 0;
};

}  // namespace

SampleSummary summarize(std::vector<Seconds> samples) {
  base::expects(!samples.empty(), "a summary of no samples");
  std::sort(samples.begin(), samples.end());
  SampleSummary out;
  out.median = base::median(samples);
  out.min = samples.front();
  out.p10 = base::quantile(samples, 0.1);
  out.p90 = base::quantile(samples, 0.9);
  out.ci_half_width = median_half_width(samples);
  out.samples = static_cast<int>(samples.size());
  out.outliers = count_outliers(samples, out.median);
  return out;
}

std::string_view to_text(Sampled::Stop stop) {
  switch (stop) {
    case Sampled::Stop::converged:
      return "converged";
    case Sampled::Stop::max_samples:
      return "max_samples";
    case Sampled::Stop::max_time:
      return "max_time";
  }
  return "";
}

Sampled sample(Stopwatch& stopwatch, const Work& work, const SamplingPlan& plan, Peers& peers,
               const StopSignal& stop) {
  return Sampler(stopwatch, work, plan, peers, stop).run();
}

}  // namespace windtunnel::real

#include "strategies/serve/arrival_times.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

using Times = std::vector<base::Seconds>;

template <typename Gap>
Times by_gaps(std::int64_t count, Gap&& gap) {
  Times times(static_cast<std::size_t>(count));
  double now = 0;
  for (base::Seconds& time : times) time = base::Seconds(now += gap());
  return times;
}

Times gamma_times(const Arrivals& arrivals, std::int64_t count, base::RandomStream& random) {
  const double squared = arrivals.variation * arrivals.variation;
  return by_gaps(count, [&] { return random.gamma(1 / squared, squared / arrivals.rate); });
}

// Groups of `size` at once, each as long after the last as its requests take at
// the rate.
Times group_times(std::int64_t count, std::int64_t size, double rate) {
  Times times(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const double before = static_cast<double>(i / size * size);
    times[static_cast<std::size_t>(i)] = base::Seconds(before / rate);
  }
  return times;
}

Times diurnal_times(const Arrivals& arrivals, std::int64_t count, base::RandomStream& random) {
  const double highest = arrivals.rate * (1 + arrivals.swing);
  const double turn = 2 * std::numbers::pi / arrivals.period.value();
  double now = 0;
  return by_gaps(count, [&] {
    const double from = now;
    for (;;) {
      now += random.exponential(1 / highest);
      const double rate = arrivals.rate * (1 + arrivals.swing * std::sin(turn * now));
      if (random.uniform() * highest < rate) return now - from;
    }
  });
}

}  // namespace

std::int64_t waiting_clients(const Arrivals& arrivals) {
  switch (arrivals.process) {
    case ArrivalProcess::closed_loop:
      return std::max<std::int64_t>(arrivals.concurrency, 1);
    case ArrivalProcess::single_stream:
    case ArrivalProcess::multi_stream:
      return 1;
    default:
      return 0;
  }
}

std::vector<base::Seconds> arrival_times(const Arrivals& arrivals, std::int64_t count,
                                         base::RandomStream& random) {
  using enum ArrivalProcess;
  if (arrivals.process == all_at_once || arrivals.process == offline) {
    return Times(static_cast<std::size_t>(count), base::Seconds(0));
  }
  base::expects(waiting_clients(arrivals) == 0, "clients that wait have no times of their own");
  base::expects(arrivals.rate > 0, "arrivals need a rate above 0");
  switch (arrivals.process) {
    case burst:
      return group_times(count, std::max<std::int64_t>(arrivals.burst_requests, 1), arrivals.rate);
    case diurnal:
      return diurnal_times(arrivals, count, random);
    case gamma:
      if (arrivals.variation > 0) return gamma_times(arrivals, count, random);
      [[fallthrough]];
    case constant:
      return group_times(count, 1, arrivals.rate);
    default:
      return by_gaps(count, [&] { return random.exponential(1 / arrivals.rate); });
  }
}

}  // namespace windtunnel::strategies

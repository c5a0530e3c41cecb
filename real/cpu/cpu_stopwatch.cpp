#include "real/cpu/cpu_stopwatch.hpp"

#include <sys/resource.h>
#include <time.h>

#include <utility>

namespace windtunnel::real {
namespace {

struct Reading {
  double wall = 0, cpu = 0;
  long preempted = 0, gave_up = 0;
};

double seconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

Reading read_clocks() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return {seconds_of(CLOCK_MONOTONIC), seconds_of(CLOCK_THREAD_CPUTIME_ID), usage.ru_nivcsw,
          usage.ru_nvcsw};
}

}  // namespace

base::Seconds CpuStopwatch::time(const Work& work, std::int64_t first, std::int64_t calls) {
  const Reading before = read_clocks();
  // The wall is read again, last before the work: reading the others takes longer than it.
  const double start = seconds_of(CLOCK_MONOTONIC);
  for (std::int64_t call = first; call < first + calls; ++call) work(call);
  const double end = seconds_of(CLOCK_MONOTONIC);
  const Reading after = read_clocks();
  if (after.preempted == before.preempted || after.gave_up != before.gave_up)
    return base::Seconds(end - start);
  ++preempted_;
  return base::Seconds(after.cpu - before.cpu);
}

int CpuStopwatch::take_preempted() {
  return std::exchange(preempted_, 0);
}

}  // namespace windtunnel::real

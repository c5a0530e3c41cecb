#include "real/mpi/mpi_stopwatch.hpp"

#include <mpi.h>
#include <sys/resource.h>

#include <chrono>
#include <utility>

namespace windtunnel::real {
namespace {

long involuntary_switches() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

}  // namespace

base::Seconds MpiStopwatch::time(const Work& work, std::int64_t first, std::int64_t calls) {
  for (int attempt = 1;; ++attempt) {
    MPI_Barrier(MPI_COMM_WORLD);
    const long switches = involuntary_switches();
    const auto start = std::chrono::steady_clock::now();
    for (std::int64_t call = first; call < first + calls; ++call) work(call);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    int disturbed = involuntary_switches() == switches ? 0 : 1;
    MPI_Allreduce(MPI_IN_PLACE, &disturbed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    if (disturbed == 0 || attempt == kTries) return base::Seconds(taken.count());
    ++preempted_;
  }
}

int MpiStopwatch::take_preempted() {
  return std::exchange(preempted_, 0);
}

}  // namespace windtunnel::real

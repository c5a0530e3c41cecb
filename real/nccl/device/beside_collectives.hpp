// A kernel timed while NCCL's kernels run on the same GPU: what gradients exchanged beside backward
// cost the compute they hide behind.
//
// Model: a run of collectives long enough to outlast the timed calls is queued on the clique's
// streams; the kernel's stream waits for the first of them to end (communication is then under way),
// and events around its calls give their time. Whether the last collective was still running when the
// last call ended is looked at afterwards; if not, the batch is repeated with twice as many.
// One process only: all GPUs of the clique exchange, the kernel runs on the first.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "real/cuda/session.hpp"
#include "real/nccl/device/collective_benchmarks.hpp"
#include "real/nccl/device/collective_run.hpp"

namespace windtunnel::real {

class BesideCollectives : public Stopwatch {
 public:
  BesideCollectives(std::shared_ptr<CollectiveRun> run, const Stream& kernels);

  // Throws EnvironmentError where collectives cannot be made to outlast the calls.
  base::Seconds time(const Work& work, std::int64_t first, std::int64_t calls) override;
  // The same calls with nothing beside them.
  base::Seconds time_alone(const Work& work, std::int64_t first, std::int64_t calls);

 private:
  struct Batch {
    base::Seconds time{0};
    enum class Cover { whole, partial } cover = Cover::whole;
  };
  Batch time_beside(const Work& work, std::int64_t first, std::int64_t calls);

  std::shared_ptr<CollectiveRun> run_;
  const Stream& kernels_;
  base::Seconds collective_{0};  // one by itself
  double margin_ = 1.5;          // collectives queued, over the time the calls took alone
  Event under_way_, last_, start_, stop_;
};

// GEMM, attention and a copy kernel beside an all-reduce; empty with fewer than two GPUs or in a
// launch of several processes.
std::vector<Benchmark> collective_interference_benchmarks(const Selection& selection,
                                                          const CollectiveSite& site,
                                                          const SharedSession& session);

}  // namespace windtunnel::real

// The GPU's clock: events around calls that are queued before the first of them starts.
//
// Model: a call costs the host a few microseconds to launch, often more than a small kernel runs. So
// a batch of calls is queued behind a kernel that only lets time pass; when it ends, the batch runs
// from a full queue and the events measure the device's own time, gaps between kernels included
// (about 1 us where one waits for another), launch cost left out. The delay follows from what the
// last batches cost the host, with a margin; calls that run longer than they take to launch need
// none. `starved()` counts batches whose first call started before the last was queued although the
// device then ran no longer than the host took: their time is the launch rate's.
#pragma once

#include <cuda_runtime_api.h>

#include "real/cuda/session.hpp"
#include "real/stopwatch.hpp"

namespace windtunnel::real {

// Queues a kernel of one thread that returns after `time` (at most 10 ms).
void queue_delay(base::Seconds time, cudaStream_t stream);
// Queues a kernel that does nothing.
void queue_empty_kernel(cudaStream_t stream);

class CudaStopwatch : public Stopwatch {
 public:
  explicit CudaStopwatch(SharedSession session) : session_(std::move(session)) {}
  base::Seconds time(const Work& work, std::int64_t first, std::int64_t calls) override;
  std::int64_t starved() const { return starved_; }

 private:
  struct Batch {
    base::Seconds device{0}, host{0};
    enum class Queue { filled, starved } queue = Queue::filled;
  };
  Batch time_batch(const Work& work, std::int64_t first, std::int64_t calls);

  SharedSession session_;
  base::Seconds host_per_call_{5e-6}, device_per_call_{0};
  std::int64_t starved_ = 0;
};

// How long the queue is held back for `calls` calls: 0 where the device is slower than the host.
base::Seconds delay_for(std::int64_t calls, base::Seconds host_per_call,
                        base::Seconds device_per_call);

}  // namespace windtunnel::real

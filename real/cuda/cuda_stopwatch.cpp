#include "real/cuda/cuda_stopwatch.hpp"

#include <algorithm>
#include <chrono>

namespace windtunnel::real {
namespace {

constexpr std::int64_t kBatchCalls = 200;  // with up to 5 kernels a call, below the queue's 1024
constexpr base::Seconds kMostDelay{5e-3};

}  // namespace

base::Seconds delay_for(std::int64_t calls, base::Seconds host_per_call,
                        base::Seconds device_per_call) {
  if (device_per_call > 2.0 * host_per_call) return base::Seconds(0);
  const base::Seconds wanted = 1.5 * static_cast<double>(calls) * host_per_call;
  return base::min(wanted + base::Seconds(10e-6), kMostDelay);
}

CudaStopwatch::Batch CudaStopwatch::time_batch(const Work& work, std::int64_t first,
                                               std::int64_t calls) {
  const Stream& stream = session_->stream();
  const Event start, stop;
  const base::Seconds delay = delay_for(calls, host_per_call_, device_per_call_);
  if (delay > base::Seconds(0)) queue_delay(delay, stream.get());
  start.record(stream);
  const auto before = std::chrono::steady_clock::now();
  for (std::int64_t call = first; call < first + calls; ++call) work(call);
  const std::chrono::duration<double> host = std::chrono::steady_clock::now() - before;
  const bool begun = start.has_happened();
  stop.record(stream);
  stop.wait();
  Batch batch;
  batch.device = stop.since(start);
  batch.host = base::Seconds(host.count());
  if (begun && batch.device < 1.05 * batch.host) batch.queue = Batch::Queue::starved;
  return batch;
}

base::Seconds CudaStopwatch::time(const Work& work, std::int64_t first, std::int64_t calls) {
  constexpr int kAttempts = 3;
  base::Seconds total{0};
  session_->stream().wait();
  for (std::int64_t done = 0; done < calls;) {
    const std::int64_t some = std::min(kBatchCalls, calls - done);
    Batch batch;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      batch = time_batch(work, first + done, some);
      const auto count = static_cast<double>(some);
      // A slow launch is believed at once and forgotten slowly.
      host_per_call_ = base::max(batch.host / count, 0.9 * host_per_call_);
      device_per_call_ = batch.device / count;
      if (batch.queue == Batch::Queue::filled) break;
    }
    if (batch.queue == Batch::Queue::starved) ++starved_;
    total += batch.device;
    done += some;
  }
  return total;
}

}  // namespace windtunnel::real

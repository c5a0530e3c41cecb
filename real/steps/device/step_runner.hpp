// A training step on the GPUs of this process, as one GPU alone or data-parallel with those of the
// other processes: gradients summed by NCCL bucket by bucket, beside backward or after it.
//
// Overlapped: a bucket's all-reduce starts on a stream of its own as soon as the last of its gradients
// is queued (event from the compute stream); the optimizer waits for the last bucket. After: the same
// buckets, once backward is done. Buckets are whole tensors from the end of the flat gradient
// (parameters.hpp), fp32, summed; the optimizer divides by the ranks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "real/nccl/device/clique.hpp"
#include "real/steps/device/device_step.hpp"

namespace windtunnel::real {

enum class GradientExchange { none, after_backward, overlapped };

struct StepRunnerOptions {
  StepShape shape;
  GradientExchange exchange = GradientExchange::none;
  std::int64_t bucket_bytes = std::int64_t{25} << 20;
};

class StepRunner {
 public:
  // With a clique: a replica on each of its devices, computing on its members' streams. Without: one
  // on the current device, on `stream`, and no exchange. Both must outlive the runner.
  StepRunner(const StepRunnerOptions& options, const NcclClique& clique);
  StepRunner(const StepRunnerOptions& options, const Stream& stream);

  // Queues a whole step on every device.
  void run();
  void wait() const;

  std::size_t replicas() const { return replicas_.size(); }
  DeviceStep& replica(std::size_t i) { return *replicas_[i].step; }
  const std::vector<StepOp>& ops() const { return replicas_.front().step->ops(); }
  const std::vector<GradientBucket>& buckets() const { return buckets_; }

  // Median time of every op over `repeats` steps run with an event between ops, on the first replica
  // and without exchange; the device's own times, launches queued ahead. (An event costs the GPU about
  // a microsecond, so they add up to a little more than a step that is not bound by its launches.)
  std::vector<base::Seconds> time_ops(int repeats);

 private:
  struct Replica {
    int device = 0;
    const Stream* compute = nullptr;
    std::unique_ptr<CublasLt> library;
    std::unique_ptr<DeviceStep> step;
    std::unique_ptr<Stream> exchange;
    std::vector<Event> ready;  // by bucket: its gradients are there
    std::unique_ptr<Event> done;
  };

  void add_replica(const StepRunnerOptions& options, int device, const Stream& compute,
                   std::uint64_t data_seed);
  void plan_buckets(const StepRunnerOptions& options);
  void run_op(std::size_t op);
  void exchange(std::size_t bucket);
  void join();
  void set_current(const Replica& replica) const;

  const NcclClique* clique_ = nullptr;
  GradientExchange exchange_ = GradientExchange::none;
  std::vector<Replica> replicas_;
  std::vector<GradientBucket> buckets_;
  std::vector<std::vector<std::size_t>>
      buckets_after_;          // by op: buckets to exchange once it is queued
  std::size_t optimizer_ = 0;  // index of the first optimizer op
};

// A whole step of one replica as a CUDA graph: one launch. Contract: the runner's `stream` must not be
// in use while it is captured; the optimizer's bias correction stays that of the captured step.
class StepGraph {
 public:
  StepGraph(const DeviceStep& step, const Stream& stream);
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  void launch(const Stream& stream) const;

 private:
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
};

// Times calls between two events on one stream.
class StreamStopwatch : public Stopwatch {
 public:
  explicit StreamStopwatch(const Stream& stream) : stream_(stream) {}
  base::Seconds time(const Work& work, std::int64_t first, std::int64_t calls) override;

 private:
  const Stream& stream_;
  Event start_, stop_;
};

}  // namespace windtunnel::real

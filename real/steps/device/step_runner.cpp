#include "real/steps/device/step_runner.hpp"

#include <algorithm>

#include "real/cuda/cuda_stopwatch.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

// The device waits this long while the host queues the first ops, so that their times are the
// device's own and not the launches'.
constexpr base::Seconds kHeadStart{5e-3};

}  // namespace

StepRunner::StepRunner(const StepRunnerOptions& options, const NcclClique& clique)
    : clique_(&clique), exchange_(options.exchange) {
  clique.each([&](const NcclClique::Member& member) {
    add_replica(options, member.device, *member.stream,
                static_cast<std::uint64_t>(member.rank) + 1);
  });
  plan_buckets(options);
}

StepRunner::StepRunner(const StepRunnerOptions& options, const Stream& stream) {
  base::expects(options.exchange == GradientExchange::none, "one GPU alone exchanges nothing");
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  add_replica(options, device, stream, 1);
  plan_buckets(options);
}

void StepRunner::add_replica(const StepRunnerOptions& options, int device, const Stream& compute,
                             std::uint64_t data_seed) {
  Replica replica;
  replica.device = device;
  replica.compute = &compute;
  replica.library = std::make_unique<CublasLt>();
  replica.step = std::make_unique<DeviceStep>(options.shape, *replica.library);
  replica.step->fill({.parameters = 1, .data = data_seed}, compute);
  replica.step->tune(compute);
  if (options.exchange != GradientExchange::none) {
    replica.exchange = std::make_unique<Stream>();
    replica.done = std::make_unique<Event>();
    replica.step->scale_gradient(1.0F / static_cast<float>(clique_->ranks()));
  }
  replicas_.push_back(std::move(replica));
}

void StepRunner::plan_buckets(const StepRunnerOptions& options) {
  const std::vector<StepOp>& all = ops();
  buckets_after_.resize(all.size());
  const auto found = std::find_if(
      all.begin(), all.end(), [](const StepOp& op) { return op.phase == StepPhase::optimizer; });
  optimizer_ = static_cast<std::size_t>(found - all.begin());
  if (exchange_ == GradientExchange::none) return;
  const ParameterLayout& layout = replicas_.front().step->layout();
  buckets_ = gradient_buckets(layout, options.bucket_bytes);
  std::size_t next = 0;
  // Gradients fall in offset from op to op, so a bucket is whole once its first tensor's is there.
  for (std::size_t op = 0; op < all.size(); ++op)
    for (const Parameter which : gradients_of(options.shape, all[op].kind)) {
      const std::int64_t offset = layout.at(which, all[op].layer).offset;
      while (next < buckets_.size() && buckets_[next].offset >= offset)
        buckets_after_[exchange_ == GradientExchange::overlapped ? op : optimizer_ - 1].push_back(
            next++);
    }
  base::ensures(next == buckets_.size(), "every bucket is exchanged");
  clique_->each([&](const NcclClique::Member& member) {
    for (Replica& replica : replicas_)
      if (replica.device == member.device)
        for (std::size_t i = 0; i < buckets_.size(); ++i) replica.ready.emplace_back();
  });
}

void StepRunner::set_current(const Replica& replica) const {
  if (replicas_.size() > 1) use_device(replica.device);
}

void StepRunner::run() {
  for (std::size_t op = 0; op < ops().size(); ++op) {
    if (op == optimizer_ && exchange_ != GradientExchange::none) join();
    run_op(op);
    for (const std::size_t bucket : buckets_after_[op]) exchange(bucket);
  }
  if (replicas_.size() > 1) set_current(replicas_.front());
}

void StepRunner::run_op(std::size_t op) {
  for (const Replica& replica : replicas_) {
    set_current(replica);
    replica.step->run(op, replica.compute->get());
  }
}

void StepRunner::exchange(std::size_t bucket) {
  for (const Replica& replica : replicas_) {
    set_current(replica);
    replica.ready[bucket].record(*replica.compute);
    check(cudaStreamWaitEvent(replica.exchange->get(), replica.ready[bucket].get(), 0),
          "cudaStreamWaitEvent");
  }
  CollectiveCall call;
  call.placement = Placement::in_place;
  call.ranks = clique_->ranks();
  call.unit = buckets_[bucket].count;
  std::size_t i = 0;
  clique_->group([&](const NcclClique::Member& member) {
    const Replica& replica = replicas_[i++];
    NcclOperands at;
    float* const gradient = replica.step->gradient() + buckets_[bucket].offset;
    at.send = gradient;
    at.receive = gradient;
    at.communicator = member.communicator;
    at.stream = replica.exchange->get();
    at.rank = member.rank;
    clique_->api().issue(call, at);
  });
}

// The compute streams go on once every bucket is summed.
void StepRunner::join() {
  for (const Replica& replica : replicas_) {
    set_current(replica);
    replica.done->record(*replica.exchange);
    check(cudaStreamWaitEvent(replica.compute->get(), replica.done->get(), 0),
          "cudaStreamWaitEvent");
  }
}

void StepRunner::wait() const {
  for (const Replica& replica : replicas_) replica.compute->wait();
}

std::vector<base::Seconds> StepRunner::time_ops(int repeats) {
  const Replica& replica = replicas_.front();
  set_current(replica);
  const std::size_t count = ops().size();
  std::vector<Event> marks(count + 1);
  std::vector<std::vector<base::Seconds>> times(count);
  for (int repeat = 0; repeat < repeats; ++repeat) {
    queue_delay(kHeadStart, replica.compute->get());
    for (std::size_t op = 0; op < count; ++op) {
      marks[op].record(*replica.compute);
      replica.step->run(op, replica.compute->get());
    }
    marks[count].record(*replica.compute);
    replica.compute->wait();
    for (std::size_t op = 0; op < count; ++op) times[op].push_back(marks[op + 1].since(marks[op]));
  }
  std::vector<base::Seconds> medians;
  for (std::vector<base::Seconds>& samples : times) {
    const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
    std::nth_element(samples.begin(), middle, samples.end());
    medians.push_back(*middle);
  }
  return medians;
}

StepGraph::StepGraph(const DeviceStep& step, const Stream& stream) {
  check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal),
        "cudaStreamBeginCapture");
  try {
    step.run_all(stream.get());
  } catch (...) {
    cudaStreamEndCapture(stream.get(), &graph_);  // fails too, and ends the capture
    if (graph_) cudaGraphDestroy(graph_);
    throw;
  }
  check(cudaStreamEndCapture(stream.get(), &graph_), "cudaStreamEndCapture");
  const cudaError_t status = cudaGraphInstantiate(&executable_, graph_, 0);
  if (status != cudaSuccess) cudaGraphDestroy(graph_);
  check(status, "cudaGraphInstantiate");
}

StepGraph::~StepGraph() {
  cudaGraphExecDestroy(executable_);
  cudaGraphDestroy(graph_);
}

void StepGraph::launch(const Stream& stream) const {
  check(cudaGraphLaunch(executable_, stream.get()), "cudaGraphLaunch");
}

base::Seconds StreamStopwatch::time(const Work& work, std::int64_t first, std::int64_t calls) {
  start_.record(stream_);
  for (std::int64_t call = first; call < first + calls; ++call) work(call);
  stop_.record(stream_);
  stop_.wait();
  return stop_.since(start_);
}

}  // namespace windtunnel::real

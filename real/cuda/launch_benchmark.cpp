// What it costs to start and to wait for work: the host's clock around calls in a row.
//
//   kernel       launch of an empty kernel, back to back, until all have run
//   graph        launch of a CUDA graph of one empty kernel, likewise
//   graph_node   what one more empty kernel adds to a graph: a graph of kNodes of them, by node
//   event        record of an event
//   stream_sync  an empty kernel and cudaStreamSynchronize
//   device_sync  an empty kernel and cudaDeviceSynchronize
#include <memory>
#include <utility>

#include "models/kernels/kernel_query.hpp"
#include "real/cuda/cuda_benchmarks.hpp"
#include "real/cuda/cuda_stopwatch.hpp"

namespace windtunnel::real {
namespace {

using models::LaunchKind;

constexpr int kNodes = 512;

// An instantiated graph of `nodes` empty kernels one after the other.
class EmptyGraph {
 public:
  EmptyGraph(int nodes, const Stream& stream) {
    check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal),
          "cudaStreamBeginCapture");
    for (int node = 0; node < nodes; ++node) queue_empty_kernel(stream.get());
    check(cudaStreamEndCapture(stream.get(), &graph_), "cudaStreamEndCapture");
    check(cudaGraphInstantiate(&executable_, graph_, 0), "cudaGraphInstantiate");
  }
  ~EmptyGraph() {
    if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
    if (graph_ != nullptr) cudaGraphDestroy(graph_);
  }
  EmptyGraph(const EmptyGraph&) = delete;
  EmptyGraph& operator=(const EmptyGraph&) = delete;
  void launch(const Stream& stream) const {
    check(cudaGraphLaunch(executable_, stream.get()), "cudaGraphLaunch");
  }

 private:
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
};

// The host's clock; one call stands for `parts` things.
class PartStopwatch : public Stopwatch {
 public:
  PartStopwatch(const Stream& stream, int parts)
      : clock_([&stream] { stream.wait(); }), parts_(parts) {}
  base::Seconds time(const Work& work, std::int64_t first, std::int64_t calls) override {
    return clock_.time(work, first, calls) / static_cast<double>(parts_);
  }

 private:
  SteadyStopwatch clock_;
  int parts_;
};

Prepared on_host_clock(const Stream& stream, int parts, Work work) {
  const auto clock = std::make_shared<PartStopwatch>(stream, parts);
  Prepared out;
  out.run = [clock, work = std::move(work)](std::int64_t call) { work(call); };
  out.stopwatch = clock.get();
  return out;
}

Prepared prepare_launch(LaunchKind kind, const Session& session) {
  const Stream& stream = session.stream();
  switch (kind) {
    case LaunchKind::graph:
    case LaunchKind::graph_node: {
      const int nodes = kind == LaunchKind::graph ? 1 : kNodes;
      const auto graph = std::make_shared<EmptyGraph>(nodes, stream);
      return on_host_clock(stream, nodes,
                           [graph, &stream](std::int64_t) { graph->launch(stream); });
    }
    case LaunchKind::event: {
      const auto event = std::make_shared<Event>();
      return on_host_clock(stream, 1, [event, &stream](std::int64_t) { event->record(stream); });
    }
    case LaunchKind::stream_sync:
      return on_host_clock(stream, 1, [&stream](std::int64_t) {
        queue_empty_kernel(stream.get());
        stream.wait();
      });
    case LaunchKind::device_sync:
      return on_host_clock(stream, 1, [&stream](std::int64_t) {
        queue_empty_kernel(stream.get());
        check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
      });
    case LaunchKind::kernel:
    case LaunchKind::thread:
    case LaunchKind::fork:
      break;
  }
  return on_host_clock(stream, 1, [&stream](std::int64_t) { queue_empty_kernel(stream.get()); });
}

}  // namespace

std::vector<Benchmark> cuda_launch_benchmarks(const SharedSession& session) {
  Benchmark out{"launch", {}};
  for (const LaunchKind kind :
       {LaunchKind::kernel, LaunchKind::graph, LaunchKind::graph_node, LaunchKind::event,
        LaunchKind::stream_sync, LaunchKind::device_sync}) {
    Point point;
    point.fields = {{"kind", "launch"},
                    {"op", std::string(models::to_text(kind))},
                    {"kernel", "cuda empty kernel"}};
    point.prepare = [kind, session] { return prepare_launch(kind, *session); };
    out.points.push_back(std::move(point));
  }
  return {out};
}

}  // namespace windtunnel::real

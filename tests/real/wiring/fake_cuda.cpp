#include "tests/real/wiring/fake_cuda.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

namespace {

struct Item {
  windtunnel::fake::Gate gate;
  std::function<void()> work;
  bool arrived = false;
};

struct World {
  int devices = 1, current = 0;
  std::mt19937 random{1};
  std::vector<CUstream_st*> streams;
  std::map<void*, std::size_t> memory;
  double clock_us = 0;
};
World& world() {
  static World w;
  return w;
}
CUstream_st* default_stream();

}  // namespace

struct CUstream_st {
  int device = 0;
  std::deque<Item> items;
  std::vector<Item>* captured = nullptr;
};
namespace {
// What cudaMemset and cudaMemcpy to the device go to: other streams do not wait for it.
CUstream_st* default_stream() {
  static std::vector<std::unique_ptr<CUstream_st>> made;
  World& w = world();
  while (static_cast<int>(made.size()) <= w.current) {
    made.push_back(std::make_unique<CUstream_st>());
    made.back()->device = static_cast<int>(made.size()) - 1;
    w.streams.push_back(made.back().get());
  }
  return made[static_cast<std::size_t>(w.current)].get();
}
}  // namespace
struct CUevent_st {
  int device = 0;
  long recorded = 0, happened = 0;
  double at_us = 0;
};
struct CUgraph_st {
  std::vector<Item> items;
};
struct CUgraphExec_st {
  std::vector<Item> items;
};

namespace {

void queue(cudaStream_t stream, Item item) {
  if (!stream) throw std::logic_error("work on the default stream");
  if (stream->captured)
    stream->captured->push_back(std::move(item));
  else
    stream->items.push_back(std::move(item));
}

bool runnable(CUstream_st* stream) {
  if (stream->items.empty()) return false;
  Item& head = stream->items.front();
  if (!head.arrived) {
    head.arrived = true;
    if (head.gate.arrive) head.gate.arrive();
  }
  return !head.gate.ready || head.gate.ready();
}

template <class Done>
void run_until(Done done) {
  World& w = world();
  while (!done()) {
    std::vector<CUstream_st*> able;
    for (CUstream_st* stream : w.streams)
      if (runnable(stream)) able.push_back(stream);
    // Arrivals at one stream may have opened another.
    if (able.empty())
      for (CUstream_st* stream : w.streams)
        if (runnable(stream)) able.push_back(stream);
    if (able.empty()) throw std::logic_error("the streams wait for each other for ever");
    CUstream_st* const next = able[w.random() % able.size()];
    Item item = std::move(next->items.front());
    next->items.pop_front();
    w.clock_us += 1.0;
    if (item.work) item.work();
  }
}

}  // namespace

namespace windtunnel::fake {

void reset(int devices, unsigned seed) {
  if (pending() > 0) throw std::logic_error("work is left in a stream");
  world().devices = devices;
  world().current = 0;
  world().random.seed(seed);
}

void launch(cudaStream_t stream, std::function<void()> work) {
  if (stream && stream->device != world().current)
    throw std::logic_error("a kernel was queued on a stream of another device");
  queue(stream, {{}, std::move(work)});
}

void launch_gated(cudaStream_t stream, Gate gate, std::function<void()> work) {
  queue(stream, {std::move(gate), std::move(work)});
}

std::size_t pending() {
  std::size_t count = 0;
  for (const CUstream_st* stream : world().streams) count += stream->items.size();
  return count;
}

}  // namespace windtunnel::fake

extern "C" {

const char* cudaGetErrorName(cudaError_t) {
  return "fake";
}
const char* cudaGetErrorString(cudaError_t) {
  return "fake error";
}
cudaError_t cudaGetLastError() {
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = world().devices;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  world().current = device;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = world().current;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = 4;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
  std::snprintf(id, static_cast<std::size_t>(length), "0000:%02x:00.0", device);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = *total = std::size_t{1} << 36;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  *pointer = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*pointer, 0xff, (bytes + 255) / 256 * 256);
  world().memory[*pointer] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void* pointer) {
  cudaDeviceSynchronize();
  world().memory.erase(pointer);
  std::free(pointer);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  return cudaMalloc(pointer, bytes);
}
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  return cudaMalloc(pointer, bytes);
}
cudaError_t cudaFreeHost(void* pointer) {
  return cudaFree(pointer);
}
cudaError_t cudaMemset(void* pointer, int value, std::size_t bytes) {
  queue(default_stream(), {{}, [=] { std::memset(pointer, value, bytes); }});
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  const int device = world().current;
  run_until([device] {
    return std::all_of(world().streams.begin(), world().streams.end(), [&](const CUstream_st* s) {
      return s->device != device || s->items.empty();
    });
  });
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream) {
  windtunnel::fake::launch(stream, [=] { std::memset(pointer, value, bytes); });
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  CUstream_st* const stream = default_stream();
  if (kind == cudaMemcpyHostToDevice) {  // staged; on its way when the call returns
    std::vector<char> staged(static_cast<const char*>(from),
                             static_cast<const char*>(from) + bytes);
    queue(stream, {{}, [to, staged = std::move(staged)] {
                     std::memcpy(to, staged.data(), staged.size());
                   }});
    return cudaSuccess;
  }
  run_until([stream] { return stream->items.empty(); });
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  if (kind == cudaMemcpyHostToDevice) {  // pageable: staged before the call returns
    std::vector<char> staged(static_cast<const char*>(from),
                             static_cast<const char*>(from) + bytes);
    windtunnel::fake::launch(stream, [to, staged = std::move(staged)] {
      std::memcpy(to, staged.data(), staged.size());
    });
  } else {
    windtunnel::fake::launch(stream, [=] { std::memcpy(to, from, bytes); });
  }
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new CUstream_st;
  (*stream)->device = world().current;
  world().streams.push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  run_until([stream] { return stream->items.empty(); });
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  cudaStreamSynchronize(stream);
  auto& all = world().streams;
  all.erase(std::find(all.begin(), all.end(), stream));
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const long wanted = event->recorded;
  queue(stream, {{{}, [event, wanted] { return event->happened >= wanted; }}, {}});
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new CUevent_st;
  (*event)->device = world().current;
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return cudaEventCreate(event);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (event->device != stream->device)
    throw std::logic_error("an event was recorded on a stream of another device");
  const long version = ++event->recorded;
  queue(stream, {{}, [event, version] {
                   event->happened = version;
                   event->at_us = world().clock_us;
                 }});
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  run_until([event] { return event->happened >= event->recorded; });
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  return event->happened >= event->recorded ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t stop) {
  *milliseconds = static_cast<float>((stop->at_us - start->at_us) * 1e-3);
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  stream->captured = new std::vector<Item>;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = new CUgraph_st{std::move(*stream->captured)};
  delete stream->captured;
  stream->captured = nullptr;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
  *made = new CUgraphExec_st{graph->items};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  for (const Item& item : graph->items) queue(stream, item);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete graph;
  return cudaSuccess;
}

}  // extern "C"

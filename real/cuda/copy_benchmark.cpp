// Copies by the copy engines: host and device, pinned and pageable, inside a device, between devices.
//
// Pinned, device-to-device and peer copies are timed by events; a pageable copy occupies the host, so
// it is timed by the host's clock. A peer copy both ways runs one copy in each direction at a time and
// `bytes` counts one of them. Peer access is switched on where the pair has it; without it the driver
// goes through host memory, and the row's notes say so.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "models/kernels/kernel_query.hpp"
#include "real/cuda/cuda_benchmarks.hpp"
#include "real/cuda/kernels.hpp"
#include "real/cuda/rotating_sets.hpp"
#include "real/kernels/gpu_points.hpp"

namespace windtunnel::real {
namespace {

using models::CopyDirection;

struct Copy {
  CopyDirection direction = CopyDirection::host_to_device;
  std::int64_t bytes = 1;
  int from = 0, to = 0;  // peer copies: devices
};

RandomContent raw_bytes() {
  return {.kind = RandomContent::Kind::bits};
}

bool towards_device(CopyDirection direction) {
  return direction == CopyDirection::host_to_device ||
         direction == CopyDirection::host_to_device_pageable;
}

Prepared prepare_pinned(const Copy& copy, const Session& session) {
  struct Buffers {
    PinnedBuffer host;
    RotatingSets device;
  };
  const Stream& stream = session.stream();
  const auto buffers = std::make_shared<Buffers>(
      Buffers{PinnedBuffer(copy.bytes), RotatingSets(copy.bytes, 1, raw_bytes(), stream)});
  copy_to_host(buffers->host.data(), buffers->device.at(0), copy.bytes);  // random, too
  Prepared out;
  const auto size = static_cast<std::size_t>(copy.bytes);
  const bool to_device = towards_device(copy.direction);
  out.run = [buffers, &stream, size, to_device](std::int64_t) {
    void* const host = buffers->host.data();
    void* const device = buffers->device.at(0);
    check(to_device ? cudaMemcpyAsync(device, host, size, cudaMemcpyHostToDevice, stream.get())
                    : cudaMemcpyAsync(host, device, size, cudaMemcpyDeviceToHost, stream.get()),
          "cudaMemcpyAsync of pinned memory");
  };
  return out;
}

Prepared prepare_pageable(const Copy& copy, const Session& session) {
  struct Buffers {
    std::vector<char> host;
    RotatingSets device;
    SteadyStopwatch clock;
  };
  const Stream& stream = session.stream();
  const auto buffers = std::make_shared<Buffers>(
      Buffers{std::vector<char>(static_cast<std::size_t>(copy.bytes), 'w'),
              RotatingSets(copy.bytes, 1, raw_bytes(), stream), SteadyStopwatch()});
  copy_to_host(buffers->host.data(), buffers->device.at(0), copy.bytes);
  const bool to_device = towards_device(copy.direction);
  Prepared out;
  const auto size = static_cast<std::size_t>(copy.bytes);
  out.run = [buffers, to_device, size](std::int64_t) {
    char* const host = buffers->host.data();
    void* const device = buffers->device.at(0);
    check(to_device ? cudaMemcpy(device, host, size, cudaMemcpyHostToDevice)
                    : cudaMemcpy(host, device, size, cudaMemcpyDeviceToHost),
          "cudaMemcpy of pageable memory");
  };
  out.stopwatch = &buffers->clock;
  return out;
}

Prepared prepare_inside(const Copy& copy, const Session& session) {
  const Stream& stream = session.stream();
  const std::int64_t sets = sets_to_rotate(2 * copy.bytes, session.facts().l2_bytes);
  const auto both = std::make_shared<RotatingSets>(2 * copy.bytes, sets, raw_bytes(), stream);
  Prepared out;
  out.run = [both, &stream, bytes = copy.bytes](std::int64_t call) {
    char* const from = static_cast<char*>(both->at(call));
    check(cudaMemcpyAsync(from + bytes, from, static_cast<std::size_t>(bytes),
                          cudaMemcpyDeviceToDevice, stream.get()),
          "cudaMemcpyAsync inside the device");
  };
  return out;
}

// Makes `device` current for a scope.
class OnDevice {
 public:
  explicit OnDevice(int device) {
    check(cudaGetDevice(&before_), "cudaGetDevice");
    check(cudaSetDevice(device), "cudaSetDevice");
  }
  ~OnDevice() { cudaSetDevice(before_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = 0;
};

// Two buffers on each of two devices, and a stream on each.
struct Pair {
  struct Side {
    int device = 0;
    std::unique_ptr<Stream> stream;
    std::unique_ptr<RotatingSets> out, in;
  };
  Side a, b;
  std::string route;
};

Pair::Side make_side(int device, std::int64_t bytes) {
  const OnDevice here(device);
  Pair::Side side;
  side.device = device;
  side.stream = std::make_unique<Stream>();
  side.out = std::make_unique<RotatingSets>(bytes, 1, raw_bytes(), *side.stream);
  side.in = std::make_unique<RotatingSets>(bytes, 1, raw_bytes(), *side.stream);
  return side;
}

// Whether `from` may write into `to`'s memory directly.
bool allow_peer(int from, int to) {
  int can = 0;
  check(cudaDeviceCanAccessPeer(&can, from, to), "cudaDeviceCanAccessPeer");
  if (can == 0) return false;
  const OnDevice here(from);
  const cudaError_t status = cudaDeviceEnablePeerAccess(to, 0);
  if (status == cudaErrorPeerAccessAlreadyEnabled) {
    (void)cudaGetLastError();
  } else {
    check(status, "cudaDeviceEnablePeerAccess");
  }
  return true;
}

void queue_copy(const Pair::Side& from, const Pair::Side& to, std::int64_t bytes) {
  check(cudaMemcpyPeerAsync(to.in->at(0), to.device, from.out->at(0), from.device,
                            static_cast<std::size_t>(bytes), from.stream->get()),
        "cudaMemcpyPeerAsync");
}

// From the first call to the end of the last on both devices, by the host's clock: events of two
// devices have no common time.
Prepared prepare_peer(const Copy& copy) {
  const int devices = device_count();
  if (std::max(copy.from, copy.to) >= devices) {
    throw PointRefused(
        fmt::format("a copy between GPUs needs two of them; this machine has {}", devices));
  }
  const auto pair = std::make_shared<Pair>();
  const bool forth = allow_peer(copy.from, copy.to), back = allow_peer(copy.to, copy.from);
  pair->route = forth && back ? "peer access" : "through host memory";
  pair->a = make_side(copy.from, copy.bytes);
  pair->b = make_side(copy.to, copy.bytes);
  const bool both = copy.direction == CopyDirection::peer_both_ways;
  const auto clock = std::make_shared<SteadyStopwatch>([pair] {
    pair->a.stream->wait();
    pair->b.stream->wait();
  });
  Prepared out;
  out.run = [pair, clock, both, bytes = copy.bytes](std::int64_t) {
    queue_copy(pair->a, pair->b, bytes);
    if (both) queue_copy(pair->b, pair->a, bytes);
  };
  out.stopwatch = clock.get();
  out.more_fields = [pair] { return Fields{{"notes", pair->route}}; };
  return out;
}

Prepared prepare_copy(const Copy& copy, const Session& session) {
  switch (copy.direction) {
    case CopyDirection::host_to_device:
    case CopyDirection::device_to_host:
      return prepare_pinned(copy, session);
    case CopyDirection::host_to_device_pageable:
    case CopyDirection::device_to_host_pageable:
      return prepare_pageable(copy, session);
    case CopyDirection::device_to_device:
      return prepare_inside(copy, session);
    case CopyDirection::peer:
    case CopyDirection::peer_both_ways:
      return prepare_peer(copy);
  }
  throw PointRefused("no such copy");
}

Point copy_point(const Copy& copy, const SharedSession& session) {
  const bool peer =
      copy.direction == CopyDirection::peer || copy.direction == CopyDirection::peer_both_ways;
  Point point;
  point.fields = {{"kind", "copy"},
                  {"direction", std::string(models::to_text(copy.direction))},
                  {"bytes", std::to_string(copy.bytes)},
                  {"peer", peer ? fmt::format("{}>{}", copy.from, copy.to) : ""},
                  {"kernel", "copy engine"}};
  point.prepare = [copy, session] { return prepare_copy(copy, *session); };
  return point;
}

}  // namespace

std::vector<Benchmark> cuda_copy_benchmarks(const Selection& selection,
                                            const SharedSession& session) {
  Benchmark out{"copy", {}};
  for (const CopyDirection direction :
       {CopyDirection::host_to_device, CopyDirection::device_to_host,
        CopyDirection::host_to_device_pageable, CopyDirection::device_to_host_pageable,
        CopyDirection::device_to_device}) {
    for (const std::int64_t bytes : copy_sizes(selection)) {
      out.points.push_back(copy_point({direction, bytes}, session));
    }
  }
  // On one GPU the first pair is listed all the same, to be left out with its reason.
  const int devices = std::max(2, device_count());
  for (int from = 0; from < devices; ++from) {
    for (int to = 0; to < devices; ++to) {
      if (from == to) continue;
      for (const std::int64_t bytes : copy_sizes(selection)) {
        if (device_count() < 2 && (from > 0 || bytes > 1024)) continue;
        out.points.push_back(copy_point({CopyDirection::peer, bytes, from, to}, session));
        if (from < to) {
          out.points.push_back(
              copy_point({CopyDirection::peer_both_ways, bytes, from, to}, session));
        }
      }
    }
  }
  return {out};
}

}  // namespace windtunnel::real

#include "real/cuda/background_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "real/benchmark.hpp"
#include "real/cuda/rotating_sets.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

constexpr std::int64_t kHostBytes = 32LL << 20, kPeerBytes = 256LL << 20;
constexpr std::int64_t kMostPieces = 800;  // below what a stream queues

RandomContent raw_bytes() {
  return {.kind = RandomContent::Kind::bits};
}

class HostCopies : public BackgroundLoad {
 public:
  HostCopies() : host_(kHostBytes), device_(kHostBytes, 1, raw_bytes(), stream_) {
    copy_to_host(host_.data(), device_.at(0), kHostBytes);
  }
  void queue_piece() override {
    check(cudaMemcpyAsync(device_.at(0), host_.data(), static_cast<std::size_t>(kHostBytes),
                          cudaMemcpyHostToDevice, stream_.get()),
          "cudaMemcpyAsync of the background load");
  }
  const Stream& stream() const override { return stream_; }

 private:
  Stream stream_;
  PinnedBuffer host_;
  RotatingSets device_;
};

RotatingSets sets_on(int device, int back_to) {
  check(cudaSetDevice(device), "cudaSetDevice");
  const Stream stream;
  RotatingSets sets(kPeerBytes, 1, raw_bytes(), stream);
  check(cudaSetDevice(back_to), "cudaSetDevice");
  return sets;
}

class PeerCopies : public BackgroundLoad {
 public:
  PeerCopies(int from, int to)
      : from_device_(from), to_device_(to), from_(sets_on(from, from)), to_(sets_on(to, from)) {}
  void queue_piece() override {
    check(cudaMemcpyPeerAsync(to_.at(0), to_device_, from_.at(0), from_device_,
                              static_cast<std::size_t>(kPeerBytes), stream_.get()),
          "cudaMemcpyPeerAsync of the background load");
  }
  const Stream& stream() const override { return stream_; }

 private:
  int from_device_, to_device_;
  Stream stream_;
  RotatingSets from_, to_;
};

}  // namespace

std::unique_ptr<BackgroundLoad> make_host_copies(const Session&) {
  return std::make_unique<HostCopies>();
}

std::unique_ptr<BackgroundLoad> make_peer_copies(const Session& session) {
  const int devices = device_count(), own = session.facts().index;
  if (devices < 2) throw PointRefused("a copy between GPUs needs two of them; this machine has 1");
  return std::make_unique<PeerCopies>(own, (own + 1) % devices);
}

std::int64_t pieces_for(base::Seconds work, base::Seconds piece) {
  if (piece <= base::Seconds(0)) return 2;
  const auto whole = static_cast<std::int64_t>(std::ceil(2.0 * (work / piece)));
  return std::clamp<std::int64_t>(whole + 2, 2, kMostPieces);
}

InterferenceStopwatch::InterferenceStopwatch(const Session& session,
                                             std::shared_ptr<BackgroundLoad> load)
    : session_(session), load_(std::move(load)) {}

InterferenceStopwatch::Timing InterferenceStopwatch::time_beside(const Work& work,
                                                                 std::int64_t first,
                                                                 std::int64_t calls) {
  const Stream& stream = session_.stream();
  const Event begun, ended, start, stop;
  load_->queue_piece();
  begun.record(load_->stream());
  for (std::int64_t piece = 1; piece < pieces_; ++piece) load_->queue_piece();
  ended.record(load_->stream());
  check(cudaStreamWaitEvent(stream.get(), begun.get(), 0), "cudaStreamWaitEvent");
  start.record(stream);
  for (std::int64_t call = first; call < first + calls; ++call) work(call);
  stop.record(stream);
  stop.wait();
  Timing timing;
  if (ended.has_happened()) timing.load = Timing::Load::ended_early;
  timing.time = stop.since(start);
  ended.wait();
  piece_ = ended.since(begun) / static_cast<double>(std::max<std::int64_t>(1, pieces_ - 1));
  return timing;
}

base::Seconds InterferenceStopwatch::time(const Work& work, std::int64_t first,
                                          std::int64_t calls) {
  constexpr int kAttempts = 8;
  session_.stream().wait();
  pieces_ = std::max<std::int64_t>(2, pieces_for(static_cast<double>(calls) * call_, piece_));
  for (int attempt = 0; attempt < kAttempts && pieces_ <= kMostPieces; ++attempt) {
    const Timing timing = time_beside(work, first, calls);
    call_ = timing.time / static_cast<double>(calls);
    if (timing.load == Timing::Load::outlasted) return timing.time;
    pieces_ = std::max(2 * pieces_, pieces_for(timing.time, piece_));
  }
  throw base::EnvironmentError(fmt::format(
      "the background load did not outlast {} calls of {:.3g} s", calls, call_.value()));
}

}  // namespace windtunnel::real

// What keeps a GPU's memory, copy engines or links busy while a kernel is timed beside it.
//
// Contract: a load queues pieces of about a millisecond on streams of its own and returns at once;
// `stream()` is the one of the session's device. A load that this machine cannot have (one GPU, no
// NCCL) is refused by its maker with PointRefused.
#pragma once

#include <memory>

#include "real/cuda/session.hpp"
#include "real/stopwatch.hpp"

namespace windtunnel::real {

class BackgroundLoad {
 public:
  virtual ~BackgroundLoad() = default;
  virtual void queue_piece() = 0;
  virtual const Stream& stream() const = 0;
};

std::unique_ptr<BackgroundLoad> make_host_copies(const Session& session);  // pinned, to the device
std::unique_ptr<BackgroundLoad> make_peer_copies(const Session& session);  // to the next GPU
std::unique_ptr<BackgroundLoad> make_collectives(
    const Session& session);  // all-reduce over all GPUs

// The device's time of calls while the load runs from before the first to after the last of them. How
// many pieces that takes is found by trying: a timing that the load did not outlast is thrown away and
// repeated with twice as many. Throws EnvironmentError where none of them outlasts the calls.
class InterferenceStopwatch : public Stopwatch {
 public:
  InterferenceStopwatch(const Session& session, std::shared_ptr<BackgroundLoad> load);
  base::Seconds time(const Work& work, std::int64_t first, std::int64_t calls) override;

 private:
  struct Timing {
    base::Seconds time{0};
    enum class Load { outlasted, ended_early } load = Load::outlasted;
  };
  Timing time_beside(const Work& work, std::int64_t first, std::int64_t calls);

  const Session& session_;
  std::shared_ptr<BackgroundLoad> load_;
  base::Seconds piece_{0}, call_{0};  // as last seen
  std::int64_t pieces_ = 2;
};

// Pieces that outlast `work` with a margin: one to begin with, and twice what the time asks for.
std::int64_t pieces_for(base::Seconds work, base::Seconds piece);

}  // namespace windtunnel::real

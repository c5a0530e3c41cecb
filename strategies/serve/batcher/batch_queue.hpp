// Queues of request-level batching: which requests make a batch, and when it
// may go.
//
// none         one request at a time, in order of arrival (all samples of its
// query together) static       a batch goes when max_batch samples are there,
// and not before dynamic      Triton (triton_queue.hpp) or TensorFlow Serving
// (tf_serving_queue.hpp)
//
// A queue is a state machine without a clock: whoever owns it says what time it
// is, asks for a batch whenever an instance of the model is idle, and asks
// next_time() when else to come back. Times never go backwards.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "strategies/serve/job.hpp"

namespace windtunnel::strategies {

// Samples of a request that go in one batch: all of them, unless it was split.
struct BatchPiece {
  std::int64_t request = 0;  // the owner's name for it
  std::int64_t samples = 1;
  base::Seconds since{0};  // in the queue
};

struct FormedBatch {
  std::vector<BatchPiece> pieces{};
  std::int64_t samples = 0;
  std::int64_t executed =
      0;  // >= samples: what the model runs, padding to an allowed size included
};

class BatchQueue {
 public:
  virtual ~BatchQueue() = default;

  struct Arrival {
    std::int64_t request = 0;
    std::int64_t samples = 1;
    std::int64_t priority = 0;
  };
  // False: rejected, because the queue is full or the request can never be in a
  // batch.
  virtual bool submit(const Arrival& arrival, base::Seconds now) = 0;
  // The batch an idle instance starts with now, if there is one. Simultaneous
  // arrivals are submitted before.
  virtual std::optional<FormedBatch> take(base::Seconds now) = 0;
  // A time after `now` at which take() may answer differently although nobody
  // submits; kNever: none.
  virtual base::Seconds next_time(base::Seconds now) const = 0;
  // Requests whose time in the queue is over by `now`, to be rejected.
  virtual std::vector<std::int64_t> expire(base::Seconds now);
  // When the next of them expires; kNever: none.
  virtual base::Seconds next_expiry() const { return kNever; }
  // Nothing else will come: what is left may go as it is.
  virtual void flush() {}
  // All that waits leaves (the replica fails).
  virtual std::vector<std::int64_t> clear() = 0;
  virtual std::int64_t waiting() const = 0;  // requests
};

// Pre: the policy is not continuous.
std::unique_ptr<BatchQueue> make_batch_queue(const Batching& batching);

}  // namespace windtunnel::strategies

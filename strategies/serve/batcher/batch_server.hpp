// A replica that serves whole batches: a queue of requests, instances of the model that share its GPU,
// and the work of each batch. A state machine: its owner tells it of requests and of time.
//
// Contract: the owner calls advance(next_time()) before any later time is named; at one time it submits
// what arrives first and advances then, so that simultaneous requests may share a batch. Events come
// out in order of time. Requests go in once each; the span outlives the server.
// Law: submitted = finished + rejected + waiting + running.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "strategies/serve/batcher/batch_queue.hpp"
#include "strategies/serve/batcher/batch_work.hpp"
#include "strategies/serve/job.hpp"
#include "strategies/serve/request.hpp"

namespace windtunnel::strategies {

struct BatchEvent {
  enum class What : std::uint8_t { started, first_token, finished, rejected };
  What what = What::started;
  std::int64_t request = 0;  // place in the span
  base::Seconds time{0};
};

// Sequences that waited `gap` between two of their tokens.
struct TokenGap {
  base::Seconds gap{0};
  std::int64_t count = 0;
};

struct BatchServerTotals {
  std::int64_t batches = 0;
  std::int64_t samples = 0;   // of requests in them
  std::int64_t executed = 0;  // with padding
  base::Seconds device_busy{0};
  double kv_peak = 0;  // share of the cache
};

class BatchServer {
 public:
  BatchServer(const Batching& batching, std::unique_ptr<BatchWork> work,
              std::span<const Request> requests);

  // Whether a batch could ever hold it.
  bool possible(std::int64_t request) const;
  // False: rejected at once (no event).
  bool submit(std::int64_t request, base::Seconds now);
  // kNever: nothing happens unless somebody submits.
  base::Seconds next_time() const;
  void advance(base::Seconds now, std::vector<BatchEvent>& events);
  // Nobody will submit unless an answer comes: a batch that waits to be full
  // goes as it is.
  void flush() { queue_->flush(); }
  // The replica fails: all that waits or runs is lost, and named.
  std::vector<std::int64_t> fail(base::Seconds now);

  std::int64_t waiting() const { return queue_->waiting(); }
  std::int64_t running() const { return running_; }                  // requests
  std::int64_t running_samples() const { return running_samples_; }  // executed
  double kv_used() const;  // share of the cache that running batches reserve
  const BatchServerTotals& totals() const { return totals_; }
  // Gaps between tokens since the last call; only of models that stream.
  std::vector<TokenGap> take_gaps();
  // Those of earlier requests are not given.
  void leave_out_gaps_before(std::int64_t request) { first_with_gaps_ = request; }

 private:
  enum class Phase : std::uint8_t { idle, host, device, tail };
  struct Instance {
    FormedBatch batch{};
    std::vector<BatchRun> runs{};
    std::size_t run = 0;
    bool rest = false;  // in the second segment of the run
    Phase phase = Phase::idle;
    double rest_since = 0;
    double until = 0;  // end of host or tail; of the device phase: on the clock
                       // of device_work_
  };
  double end_of(const Instance& instance) const;
  const WorkSegment& segment(const Instance& instance) const;
  void settle_device(double now);
  void enter_host(Instance& instance, double now);
  void step(Instance& instance, double now, std::vector<BatchEvent>& events);
  void end_segment(Instance& instance, double now, std::vector<BatchEvent>& events);
  void start_run(Instance& instance, double now, std::vector<BatchEvent>& events);
  bool dispatch(double now, std::vector<BatchEvent>& events);
  void add_gaps(const Instance& instance, double now);
  void finish(const BatchPiece& piece, double now, std::vector<BatchEvent>& events);
  // first_token: of the answer, where it was not seen before.
  enum class Tokens : std::uint8_t { first_and_rest, rest };
  void answer(std::int64_t request, Tokens tokens, double now, std::vector<BatchEvent>& events);
  bool whole(const BatchPiece& piece) const;
  void reject_expired(double now, std::vector<BatchEvent>& events);
  void leave_order(std::int64_t request);
  void release_in_order(double now, std::vector<BatchEvent>& events);
  Instance* first_to_end(double now);

  std::unique_ptr<BatchQueue> queue_;
  std::unique_ptr<BatchWork> work_;
  std::span<const Request> requests_;
  std::vector<Instance> instances_;
  // Device work that each batch in its device phase has had since device_work_
  // was 0.
  double device_work_ = 0, device_since_ = 0;
  std::int64_t on_device_ = 0;
  std::int64_t running_ = 0, running_samples_ = 0, running_kv_ = 0;
  // Requests of which pieces are out, and how many samples are still to come.
  std::unordered_map<std::int64_t, std::int64_t> split_;
  // preserve_ordering: answers that wait for earlier ones.
  // ready_whole: its first token was not seen either.
  enum class Answer : std::uint8_t { pending, ready, ready_whole, gone };
  bool ordered_ = false;
  std::deque<std::pair<std::int64_t, Answer>> order_;
  std::unordered_map<std::int64_t, std::int64_t> place_;
  std::int64_t released_ = 0;
  BatchServerTotals totals_;
  std::vector<TokenGap> gaps_;
  std::int64_t first_with_gaps_ = 0;
};

}  // namespace windtunnel::strategies

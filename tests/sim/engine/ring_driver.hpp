// A ring all-reduce message by message, straight on an engine: what the tests and benchmarks of the
// event core need, without the collectives library above it.
//
// Model: 2(n-1) steps; in each, every rank sends bytes/n to its right neighbour once the message of
// the step before has arrived from its left one. With one link each of bandwidth b and latency a
// the time is 2(n-1)(a + bytes/(n b)).
#pragma once

#include <vector>

#include "sim/engine/engine.hpp"

namespace windtunnel::sim::testing {

class RingDriver {
 public:
  RingDriver(Engine& engine, std::vector<EndpointId> ring, base::Bytes bytes)
      : engine_(engine),
        ring_(std::move(ring)),
        chunk_(bytes / static_cast<double>(ring_.size())),
        steps_(2 * (static_cast<int>(ring_.size()) - 1)) {}

  // Runs the engine until the all-reduce is done; returns how long that took.
  base::Seconds run() {
    const base::Seconds start = engine_.now();
    for (int rank = 0; rank < ranks(); ++rank) send(rank, 0);
    engine_.run();
    return engine_.now() - start;
  }

  int ranks() const { return static_cast<int>(ring_.size()); }
  std::int64_t messages() const { return messages_; }

 private:
  void send(int rank, int step) {
    const int right = rank + 1 == ranks() ? 0 : rank + 1;
    ++messages_;
    engine_.transfer({.from = ring_[static_cast<std::size_t>(rank)],
                      .to = ring_[static_cast<std::size_t>(right)],
                      .bytes = chunk_},
                     [this, right, step] {
                       if (step + 1 < steps_) send(right, step + 1);
                     });
  }

  Engine& engine_;
  std::vector<EndpointId> ring_;
  base::Bytes chunk_;
  int steps_;
  std::int64_t messages_ = 0;
};

}  // namespace windtunnel::sim::testing

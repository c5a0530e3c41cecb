// A collective written out as messages between participants: what an algorithm produces, what the verifier
// runs on real vectors, and what a lowering turns into transfers on an engine.
//
// Model: participants 0..ranks-1 are the ranks (in ring order), then `switches` reducing switches, which
// hold a buffer like a rank does. Every participant has one working buffer of `buffer_bytes`; a message
// takes [source_offset, +bytes) of the sender's and copies it onto, or adds it to, [target_offset, +bytes)
// of the receiver's. Where an op's input and output differ (all_to_all) both are areas of that buffer.
// A message starts when the messages it depends on have completed. Messages are in an order in which every
// dependency precedes its dependent.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "collectives/collective.hpp"

namespace windtunnel::collectives {

enum class Action : std::uint8_t { copy, reduce };

struct Message {
  std::int32_t from = 0;
  std::int32_t to = 0;
  std::int64_t source_offset = 0;
  std::int64_t target_offset = 0;
  std::int64_t bytes = 0;
  Action action = Action::copy;
  std::uint8_t channel = 0;
};

class Schedule {
 public:
  std::int32_t ranks = 0;
  std::int32_t switches = 0;
  std::int64_t buffer_bytes = 0;
  std::vector<Message> messages;

  // Appends a message that starts after `dependencies` (indices of earlier messages); returns its index.
  std::int32_t add(const Message& message, std::span<const std::int32_t> dependencies);
  std::span<const std::int32_t> dependencies(std::int32_t message) const;
  // Messages on the longest chain of dependencies: the `steps` fact.
  std::int64_t critical_steps() const;

 private:
  std::vector<std::int32_t> dependency_begin_{0};
  std::vector<std::int32_t> dependency_list_;
};

}  // namespace windtunnel::collectives

// A collective written out as messages between participants: what an algorithm produces, what the
// verifier runs on real vectors, and what a lowering turns into transfers on an engine.
//
// Model: participants 0..ranks-1 are the ranks (in ring order), then `switches` reducing switches,
// which hold a buffer like a rank does, zero at first. Every participant has one working buffer of
// `buffer_bytes`; a message takes [source_offset, +bytes) of the sender's and copies it onto, or
// adds it to, [target_offset, +bytes) of the receiver's. Where an op's input and output differ
// (all_to_all) both are areas of that buffer (see buffers.hpp). A message starts as soon as the
// messages it depends on have completed. It carries what the source area held when it started (what
// arrives while one's own data is still going out waits in a receive buffer, as MPI's sendrecv has
// it) and is applied when it completes. Additions onto the same area need no order among
// themselves. A message from a participant to itself is local: it costs nothing on the network, is
// no step, and with 0 bytes is a mere joint of dependencies. A message of 0 bytes between two
// participants is a message all the same, as in NCCL, whose step flags go round whether or not a
// rank's part is empty. Messages are in an order in which every dependency precedes its dependent.
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
  // Messages of one edge and phase are one flow in a `bulk` lowering. Phases never run backwards: a
  // message depends on messages of its own or of lower phases only.
  std::uint16_t phase = 0;

  bool local() const { return from == to; }
};

class Schedule {
 public:
  std::int32_t ranks = 0;
  std::int32_t switches = 0;
  std::int64_t buffer_bytes = 0;
  std::vector<Message> messages;

  std::int32_t participants() const { return ranks + switches; }
  // Room for so many messages and dependencies; an optimisation only.
  void reserve(std::size_t message_count, std::size_t dependency_count);
  // Appends a message that starts after `dependencies` (indices of earlier messages); returns its
  // index.
  std::int32_t add(const Message& message, std::span<const std::int32_t> dependencies);
  std::span<const std::int32_t> dependencies(std::int32_t message) const {
    const auto slot = static_cast<std::size_t>(message);
    const auto begin = static_cast<std::size_t>(dependency_begin_[slot]);
    const auto end = static_cast<std::size_t>(dependency_begin_[slot + 1]);
    return std::span(dependency_list_).subspan(begin, end - begin);
  }
  std::size_t dependency_count() const { return dependency_list_.size(); }
  // Messages on the longest chain of dependencies, local ones not counted: the `steps` fact.
  std::int64_t critical_steps() const;
  // Bytes that cross the network, local messages not counted.
  std::int64_t network_bytes() const;

 private:
  std::vector<std::uint32_t> dependency_begin_{0};
  std::vector<std::int32_t> dependency_list_;
};

}  // namespace windtunnel::collectives

// Writes schedules that go in rounds, and works out who waits for whom.
//
// Model: the messages of a round do not depend on each other. In an `arrivals` round a message
// waits for everything its sender received in earlier rounds. In a `lockstep` round it waits for
// all that its sender and its receiver sent and received in the last lockstep round either took
// part in (MPI's sendrecv: both partners enter an exchange together), and for what they received in
// arrivals rounds since. A participant with many things to wait for gets a joint, a local message
// of no bytes, so that dependencies grow with the messages and not with their product.
#pragma once

#include <cstdint>
#include <vector>

#include "collectives/schedule.hpp"

namespace windtunnel::collectives {

class RoundBuilder {
 public:
  enum class Round { arrivals, lockstep };

  explicit RoundBuilder(Schedule& schedule);

  void begin(Round kind) { kind_ = kind; }
  std::int32_t add(Message message);  // its phase is set here
  void end();

  // Starts the same rounds over for the next chunk: nothing of the chunks before is waited for, but
  // each message starts after the one in its place in the chunk before, as on a connection that
  // keeps order. Contract: every chunk adds the same edges in the same order.
  void begin_chunk();

  // The phase of what follows; algorithms that do not pipeline count it up (see Message::phase).
  void set_phase(int phase) { phase_ = static_cast<std::uint16_t>(phase); }
  void next_phase() { ++phase_; }

 private:
  struct Waiting {
    std::vector<std::int32_t> ready;  // to be waited for by messages of the rounds to come
    std::vector<std::int32_t> round;  // arrived, and in lockstep also sent, in this round
  };

  Waiting& waiting(std::int32_t participant) {
    return waiting_[static_cast<std::size_t>(participant)];
  }
  void touch(std::int32_t participant, std::int32_t message);
  void joint(std::int32_t participant, std::vector<std::int32_t>& messages);
  std::int32_t append(const Message& message);

  Schedule& schedule_;
  Round kind_ = Round::arrivals;
  std::uint16_t phase_ = 0;
  std::vector<Waiting> waiting_;
  std::vector<std::int32_t> touched_;       // participants of this round
  std::vector<std::int32_t> dependencies_;  // of the message being added
  std::vector<std::int32_t> previous_chunk_;
  std::vector<std::int32_t> this_chunk_;
};

}  // namespace windtunnel::collectives

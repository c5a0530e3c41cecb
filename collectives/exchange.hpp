// Messages that keep their place: the same range of both buffers. And rounds of them.
#pragma once

#include <vector>

#include "collectives/buffers.hpp"
#include "collectives/round_builder.hpp"
#include "collectives/schedule.hpp"

namespace windtunnel::collectives {

inline Message in_place(std::int32_t from, std::int32_t to, Range range, Action action) {
  return {.from = from,
          .to = to,
          .source_offset = range.offset,
          .target_offset = range.offset,
          .bytes = range.bytes,
          .action = action};
}

// Messages by round. Several algorithms (lanes, domains) fill the same rounds side by side.
using Rounds = std::vector<std::vector<Message>>;

inline void add_to_round(Rounds& rounds, std::size_t round, const Message& message) {
  if (rounds.size() <= round) rounds.resize(round + 1);
  rounds[round].push_back(message);
}

inline void play(const Rounds& rounds, RoundBuilder::Round kind, RoundBuilder& builder) {
  for (const std::vector<Message>& round : rounds) {
    builder.begin(kind);
    for (const Message& message : round) builder.add(message);
    builder.end();
  }
}

}  // namespace windtunnel::collectives

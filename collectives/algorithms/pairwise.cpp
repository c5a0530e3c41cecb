// Pairwise exchange: n-1 rounds; in round k every rank sends to one partner and receives from one,
// so that no port ever carries two messages of an operation at once. Partners are rank xor k where
// n is a power of two, else rank + k and rank - k, and a round starts for a rank when its last one
// is over, as in MPICH.
#include <bit>

#include "collectives/algorithms/algorithms.hpp"
#include "collectives/exchange.hpp"

namespace windtunnel::collectives {
namespace {

Message message_between(const ScheduleRequest& request, std::int32_t from, std::int32_t to) {
  if (request.op == Op::all_gather)
    return in_place(from, to, send_block(request, from), Action::copy);
  if (request.op == Op::reduce_scatter)
    return in_place(from, to, send_block(request, to), Action::reduce);
  const Range block = send_block(request, to);
  return {.from = from,
          .to = to,
          .source_offset = block.offset,
          .target_offset = receive_block(request, from, to).offset,
          .bytes = block.bytes};
}

}  // namespace

void write_pairwise(const ScheduleRequest& request, Schedule& schedule) {
  const std::int32_t n = request.ranks;
  const bool power_of_two = std::has_single_bit(static_cast<std::uint32_t>(n));
  RoundBuilder builder(schedule);
  // Round 0 of all_to_all is each rank's block for itself.
  for (std::int32_t k = request.op == Op::all_to_all ? 0 : 1; k < n; ++k) {
    builder.begin(RoundBuilder::Round::lockstep);
    for (std::int32_t rank = 0; rank < n; ++rank) {
      builder.add(message_between(request, rank, power_of_two ? rank ^ k : (rank + k) % n));
    }
    builder.end();
    builder.next_phase();
  }
}

}  // namespace windtunnel::collectives

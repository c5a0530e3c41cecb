// Ring. Position p of channel c's order sends to position p + 1 in every step.
//
// reduce_scatter, n-1 steps: at step s position p sends the part of position p - 1 - s, added by
// the receiver, so that p ends with its own. all_gather, n-1 steps: at step s it sends the part of
// p - s. all_reduce is one after the other: 2(n-1) steps of S/n bytes, the least any algorithm
// without switch reduction can move. broadcast and reduce are chains along the ring, pipelined in
// chunks. With channels each carries its slice of every part; a chunk smaller than a part makes
// several rounds of the whole ring follow each other on a connection, as NCCL's loops do.
// Dependencies: the step before of the position before (the data) and of the same position (a
// connection delivers in order). Source: Patarasuk and Yuan 2009; NCCL's device code as described
// in nccl.md 8.
#include <algorithm>

#include "collectives/algorithms/algorithms.hpp"
#include "collectives/buffers.hpp"
#include "collectives/ring_order.hpp"

namespace windtunnel::collectives {
namespace {

using Order = std::vector<std::int32_t>;

// 0 <= position < n
std::int32_t rank_at(const Order& order, std::int32_t position) {
  return order[static_cast<std::size_t>(position)];
}

std::int32_t position_of(const Order& order, std::int32_t rank) {
  return static_cast<std::int32_t>(std::ranges::find(order, rank) - order.begin());
}

// The bytes of one loop of one channel: for each rank the piece of its part that travels in it.
struct Loop {
  std::vector<Range> piece;  // by rank
};

std::vector<Loop> loops_of(const ScheduleRequest& request, std::int32_t channel) {
  const std::int64_t unit = unit_of(request);
  const std::int32_t channels = channels_used(request);
  const Range whole{0, request.bytes};
  std::vector<Range> slice;
  slice.reserve(static_cast<std::size_t>(request.ranks));
  for (std::int32_t rank = 0; rank < request.ranks; ++rank) {
    slice.push_back(part(part(whole, request.ranks, rank, unit), channels, channel, unit));
  }
  const std::int64_t loops = chunk_count(request, slice.front().bytes);
  std::vector<Loop> result(static_cast<std::size_t>(loops));
  for (std::int64_t loop = 0; loop < loops; ++loop) {
    for (const Range& range : slice) {
      result[static_cast<std::size_t>(loop)].piece.push_back(part(range, loops, loop, unit));
    }
  }
  return result;
}

struct Steps {
  std::int32_t reducing = 0;
  std::int32_t copying = 0;
  std::int32_t total() const { return reducing + copying; }
};

Steps steps_of(const ScheduleRequest& request) {
  const std::int32_t lap = request.ranks - 1;
  return {request.op == Op::all_gather ? 0 : lap, request.op == Op::reduce_scatter ? 0 : lap};
}

void write_loop(const Loop& loop, const Order& order, Steps steps, std::uint8_t channel,
                Schedule& schedule, std::int32_t before) {
  const auto n = static_cast<std::int32_t>(order.size());
  const auto first = static_cast<std::int32_t>(schedule.messages.size());
  for (std::int32_t step = 0; step < steps.total(); ++step) {
    const bool reducing = step < steps.reducing;
    const std::int32_t lag = reducing ? step + 1 : step - steps.reducing;  // below n
    for (std::int32_t p = 0; p < n; ++p) {
      const std::int32_t next = p + 1 < n ? p + 1 : 0;
      const std::int32_t owner = rank_at(order, p >= lag ? p - lag : p - lag + n);
      const Range& piece = loop.piece[static_cast<std::size_t>(owner)];
      const Message message{.from = rank_at(order, p),
                            .to = rank_at(order, next),
                            .source_offset = piece.offset,
                            .target_offset = piece.offset,
                            .bytes = piece.bytes,
                            .action = reducing ? Action::reduce : Action::copy,
                            .channel = channel};
      if (step == 0) {
        const std::int32_t same = before + p;
        schedule.add(message, before >= 0 ? std::span(&same, 1) : std::span<const std::int32_t>());
      } else {
        const std::int32_t previous = first + (step - 1) * n;
        const std::int32_t dependencies[] = {previous + (p > 0 ? p : n) - 1, previous + p};
        schedule.add(message, dependencies);
      }
    }
  }
}

void write_laps(const ScheduleRequest& request, Schedule& schedule) {
  const Steps steps = steps_of(request);
  const auto expected = static_cast<std::size_t>(message_bound(request));
  schedule.reserve(expected, 2 * expected);
  for (std::int32_t c = 0; c < channels_used(request); ++c) {
    const Order order = ring_order(request, c);
    std::int32_t before = -1;
    for (const Loop& loop : loops_of(request, c)) {
      write_loop(loop, order, steps, static_cast<std::uint8_t>(c), schedule, before);
      before = static_cast<std::int32_t>(schedule.messages.size()) - request.ranks;
    }
  }
}

// broadcast: root, root + 1, ..., root - 1. reduce: root + 1, ..., root.
void write_chain(const ScheduleRequest& request, Schedule& schedule) {
  const std::int64_t unit = unit_of(request);
  const std::int32_t links = request.ranks - 1;
  const bool reducing = request.op == Op::reduce;
  for (std::int32_t c = 0; c < channels_used(request); ++c) {
    const Order order = ring_order(request, c);
    const std::int32_t start = position_of(order, request.root) + (reducing ? 1 : 0);
    const Range slice = part({0, request.bytes}, channels_used(request), c, unit);
    const std::int64_t chunks = chunk_count(request, slice.bytes);
    const auto first = static_cast<std::int32_t>(schedule.messages.size());
    for (std::int32_t chunk = 0; chunk < chunks; ++chunk) {
      const Range piece = part(slice, chunks, chunk, unit);
      for (std::int32_t link = 0; link < links; ++link) {
        const std::int32_t p = (start + link) % request.ranks;
        const std::int32_t own = first + chunk * links + link;
        std::vector<std::int32_t> dependencies;
        if (link > 0) dependencies.push_back(own - 1);
        if (chunk > 0) dependencies.push_back(own - links);
        schedule.add({.from = rank_at(order, p),
                      .to = rank_at(order, (p + 1) % request.ranks),
                      .source_offset = piece.offset,
                      .target_offset = piece.offset,
                      .bytes = piece.bytes,
                      .action = reducing ? Action::reduce : Action::copy,
                      .channel = static_cast<std::uint8_t>(c)},
                     dependencies);
      }
    }
  }
}

}  // namespace

void write_ring(const ScheduleRequest& request, Schedule& schedule) {
  switch (request.op) {
    case Op::all_reduce:
    case Op::all_gather:
    case Op::reduce_scatter:
      return write_laps(request, schedule);
    case Op::broadcast:
    case Op::reduce:
      return write_chain(request, schedule);
    case Op::all_to_all:
      return write_ring_all_to_all(request, schedule);
    case Op::send_recv:
      return write_direct(request, schedule);
  }
}

}  // namespace windtunnel::collectives

// all_to_all round a ring: at step s a rank passes on what it has of the blocks that are still
// under way, (n - s) of them, and takes out its own. n-1 steps, (n-1)/2 S on every link of the
// ring: for tori and rings, where anything else would share the same links. Staging: two areas in
// turn, each holding the blocks under way in the order in which they get off.
#include <algorithm>

#include "collectives/algorithms/algorithms.hpp"
#include "collectives/exchange.hpp"
#include "collectives/ring_order.hpp"

namespace windtunnel::collectives {
namespace {

class RingAllToAll {
 public:
  RingAllToAll(const ScheduleRequest& request, Schedule& schedule)
      : request_(request),
        builder_(schedule),
        order_(ring_order(request, 0)),
        staging_(op_buffer_bytes(request)) {
    schedule.buffer_bytes = staging_ + 2 * request.bytes;
  }

  void write() {
    builder_.begin(RoundBuilder::Round::lockstep);
    for (std::int32_t p = 0; p < request_.ranks; ++p) get_on(p);
    builder_.end();
    for (std::int32_t step = 1; step < request_.ranks; ++step) {
      builder_.begin(RoundBuilder::Round::lockstep);
      for (std::int32_t p = 0; p < request_.ranks; ++p) pass_on(p, step);
      builder_.end();
      builder_.begin(RoundBuilder::Round::arrivals);
      for (std::int32_t p = 0; p < request_.ranks; ++p) get_off(p, step);
      builder_.end();
    }
  }

 private:
  std::int32_t rank_at(std::int32_t position) const {
    return order_[static_cast<std::size_t>(position % request_.ranks)];
  }
  std::int64_t block_bytes(std::int32_t position) const {
    return send_block(request_, rank_at(position)).bytes;
  }
  // Where blocks lie before step `step`.
  std::int64_t area(std::int32_t step) const { return staging_ + (step % 2) * request_.bytes; }

  void get_on(std::int32_t p) {
    const std::int32_t rank = rank_at(p);
    const auto copy = [&](std::int32_t to, std::int64_t target) {
      const Range block = send_block(request_, to);
      builder_.add({.from = rank,
                    .to = rank,
                    .source_offset = block.offset,
                    .target_offset = target,
                    .bytes = block.bytes});
    };
    copy(rank, receive_block(request_, rank, rank).offset);
    std::int64_t target = area(1);
    for (std::int32_t k = 1; k < request_.ranks; ++k) {
      copy(rank_at(p + k), target);
      target += block_bytes(p + k);
    }
  }
  // Position p sends what gets off at p + 1, p + 2, ..., up to the one before the blocks' origin.
  void pass_on(std::int32_t p, std::int32_t step) {
    std::int64_t first = area(step);
    if (step > 1) first += block_bytes(p);  // what got off here in the step before
    std::int64_t bytes = 0;
    for (std::int32_t k = 1; k <= request_.ranks - step; ++k) bytes += block_bytes(p + k);
    builder_.add({.from = rank_at(p),
                  .to = rank_at(p + 1),
                  .source_offset = first,
                  .target_offset = area(step + 1),
                  .bytes = bytes});
  }
  void get_off(std::int32_t p, std::int32_t step) {
    const std::int32_t rank = rank_at(p);
    const std::int32_t origin = rank_at(p - step + request_.ranks);
    builder_.add({.from = rank,
                  .to = rank,
                  .source_offset = area(step + 1),
                  .target_offset = receive_block(request_, origin, rank).offset,
                  .bytes = block_bytes(p)});
  }

  const ScheduleRequest& request_;
  RoundBuilder builder_;
  std::vector<std::int32_t> order_;
  std::int64_t staging_;
};

}  // namespace

void write_ring_all_to_all(const ScheduleRequest& request, Schedule& schedule) {
  RingAllToAll(request, schedule).write();
}

}  // namespace windtunnel::collectives

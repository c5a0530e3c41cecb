#include "collectives/algorithms/hierarchical_all_to_all.hpp"

#include <algorithm>

#include "collectives/hierarchy.hpp"

namespace windtunnel::collectives {
namespace {

using Round = RoundBuilder::Round;

// A block on its way: from whom, for whom, and where it lies in the owners' staging.
struct Staged {
  std::int32_t from = 0;
  std::int32_t to = 0;
  Range at;
};

class HierarchicalAllToAll {
 public:
  HierarchicalAllToAll(const ScheduleRequest& request, Schedule& schedule)
      : request_(request),
        schedule_(schedule),
        hierarchy_(request),
        builder_(schedule),
        staging_(op_buffer_bytes(request)) {}

  void write() {
    Rounds inside(1);
    Rounds between(1);
    Rounds deliver(1);
    for (std::int32_t rank = 0; rank < request_.ranks; ++rank)
      inside[0].push_back(block(rank, rank));
    for (std::int32_t d = 0; d < hierarchy_.domain_count(); ++d) direct_blocks(d, inside[0]);
    for (std::int32_t k = 1; k < hierarchy_.domain_count(); ++k) {
      for (std::int32_t d = 0; d < hierarchy_.domain_count(); ++d) {
        const std::int32_t other = (d + k) % hierarchy_.domain_count();
        for (std::int32_t lane = 0; lane < hierarchy_.lane_count(); ++lane) {
          cross(d, other, lane, {inside[0], between[0], deliver[0]});
        }
      }
    }
    for (const Rounds* rounds : {&inside, &between, &deliver}) {
      play(*rounds, Round::arrivals, builder_);
      builder_.next_phase();
    }
  }

 private:
  struct Stages {
    std::vector<Message>& inside;
    std::vector<Message>& between;
    std::vector<Message>& deliver;
  };

  Message block(std::int32_t from, std::int32_t to) const {
    const Range sent = send_block(request_, to);
    return {.from = from,
            .to = to,
            .source_offset = sent.offset,
            .target_offset = receive_block(request_, from, to).offset,
            .bytes = sent.bytes};
  }
  void direct_blocks(std::int32_t d, std::vector<Message>& round) const {
    const std::vector<std::int32_t>& ranks = hierarchy_.domain(d);
    for (std::size_t k = 1; k < ranks.size(); ++k) {
      for (std::size_t i = 0; i < ranks.size(); ++i) {
        round.push_back(block(ranks[i], ranks[(i + k) % ranks.size()]));
      }
    }
  }

  // Blocks of domain d for the ranks of `other` in this lane. Both owners stage them at the same
  // place, which no other crossing uses.
  void cross(std::int32_t d, std::int32_t other, std::int32_t lane, Stages stages) {
    const std::vector<Staged> blocks = stage(d, other, lane);
    const std::int32_t sender = hierarchy_.owner(d, lane);
    const std::int32_t receiver = hierarchy_.owner(other, lane);
    for (const Staged& staged : blocks) {
      stages.inside.push_back({.from = staged.from,
                               .to = sender,
                               .source_offset = send_block(request_, staged.to).offset,
                               .target_offset = staged.at.offset,
                               .bytes = staged.at.bytes});
      stages.deliver.push_back(
          {.from = receiver,
           .to = staged.to,
           .source_offset = staged.at.offset,
           .target_offset = receive_block(request_, staged.from, staged.to).offset,
           .bytes = staged.at.bytes});
    }
    const std::int64_t begin = blocks.front().at.offset;
    stages.between.push_back(
        in_place(sender, receiver, {begin, blocks.back().at.end() - begin}, Action::copy));
  }

  std::vector<Staged> stage(std::int32_t d, std::int32_t other, std::int32_t lane) {
    std::vector<Staged> blocks;
    for (const std::int32_t to : hierarchy_.members(other, lane)) {
      for (const std::int32_t from : hierarchy_.domain(d)) {
        const std::int64_t bytes = send_block(request_, to).bytes;
        blocks.push_back({from, to, {staging_, bytes}});
        staging_ += bytes;
      }
    }
    schedule_.buffer_bytes = std::max(schedule_.buffer_bytes, staging_);
    return blocks;
  }

  const ScheduleRequest& request_;
  Schedule& schedule_;
  Hierarchy hierarchy_;
  RoundBuilder builder_;
  std::int64_t staging_;
};

}  // namespace

void write_hierarchical_all_to_all(const ScheduleRequest& request, Schedule& schedule) {
  HierarchicalAllToAll(request, schedule).write();
}

}  // namespace windtunnel::collectives

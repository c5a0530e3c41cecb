// Reduction and multicast in switches, on the levels of `hierarchical` (hierarchy.hpp).
//
// Inside a scale-up domain whose switch can reduce (NVLS): everyone sends each owner's slice to the
// switch, which adds and hands the owner the sum; later the owner sends the result and the switch
// multicasts it to all, the owner included. A GPU's port carries S(L+1)/L each way, hence NVIDIA's
// algbw = link n/(n+1). Between domains, where a tree of switches spans a lane's owners (SHARP):
// they send their slices up, the top multicasts the sum down: S/L each way in place of a ring's 2
// S/L. A level without such switches does what `hierarchical` does there. Chunks are pipelined
// through all the stages. A tree that can give each its own sums (reduce_scatter) or copies
// (all_gather) is used for those too. Sources: nccl-tests PR 239 (NVLS); Graham et al. 2016
// (SHARP).
#include <algorithm>

#include "collectives/algorithms/algorithms.hpp"
#include "collectives/hierarchy.hpp"
#include "collectives/switch_forest.hpp"

namespace windtunnel::collectives {
namespace {

using Round = RoundBuilder::Round;

std::vector<std::int32_t> sorted(std::vector<std::int32_t> ranks) {
  std::ranges::sort(ranks);
  return ranks;
}

class InNetwork {
 public:
  InNetwork(const ScheduleRequest& request, Schedule& schedule)
      : request_(request), hierarchy_(request), forest_(request), builder_(schedule) {
    schedule.buffer_bytes = 2 * request.bytes;  // switches keep the two levels' sums apart
  }

  void write() {
    const std::int64_t chunks = hierarchy_chunks(request_, hierarchy_);
    pipelined_ = chunks > 1;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      builder_.begin_chunk();
      const Cells cells(request_, hierarchy_, chunk, chunks);
      cells_ = &cells;
      write_chunk();
    }
  }

 private:
  void write_chunk() {
    switch (request_.op) {
      case Op::all_reduce:
        collect();
        between();
        return spread();
      case Op::reduce_scatter:
        collect();
        between();
        return stage(Round::arrivals,
                     [this](Rounds& r) { owners_to_guests(hierarchy_, *cells_, r); });
      case Op::reduce:
        collect();
        between();
        return stage(Round::arrivals,
                     [this](Rounds& r) { owners_to_root(hierarchy_, *cells_, request_.root, r); });
      case Op::all_gather:
        stage(Round::arrivals, [this](Rounds& r) { guests_to_owners(hierarchy_, *cells_, r); });
        between();
        return spread();
      default:
        stage(Round::lockstep,
              [this](Rounds& r) { root_to_owners(hierarchy_, *cells_, request_.root, r); });
        between();
        return spread();
    }
  }

  template <class Fill>
  void stage(Round kind, Fill fill) {
    Rounds rounds;
    fill(rounds);
    // A ring's rounds use the same edges again; the levels of a tree are phases of their own.
    for (const std::vector<Message>& round : rounds) {
      play({round}, kind, builder_);
      if (!pipelined_ && kind == Round::arrivals) builder_.next_phase();
    }
    if (!pipelined_) builder_.next_phase();
  }
  std::int32_t domain_switch(std::int32_t d) const {
    const std::vector<std::int32_t>& ranks = hierarchy_.domain(d);
    return ranks.size() > 1 ? forest_.top_of_alone(sorted(ranks)) : -1;
  }

  void collect() {
    stage(Round::arrivals, [this](Rounds& rounds) {
      for (std::int32_t d = 0; d < hierarchy_.domain_count(); ++d) {
        const std::int32_t top = domain_switch(d);
        if (top < 0) {
          collect_direct(hierarchy_, *cells_, d, rounds);
          continue;
        }
        for (std::int32_t lane = 0; lane < hierarchy_.lane_count(); ++lane) {
          const SwitchForest::Trip up{top, sorted(hierarchy_.domain(d)), cells_->lane(lane)};
          const SwitchForest::Trip down{top, {hierarchy_.owner(d, lane)}, cells_->lane(lane)};
          there_and_back(up, down, rounds);
        }
      }
    });
  }
  void spread() {
    stage(Round::arrivals, [this](Rounds& rounds) {
      for (std::int32_t d = 0; d < hierarchy_.domain_count(); ++d) {
        const std::int32_t top = domain_switch(d);
        if (top < 0) {
          spread_direct(hierarchy_, *cells_, d, rounds);
          continue;
        }
        for (std::int32_t lane = 0; lane < hierarchy_.lane_count(); ++lane) {
          const SwitchForest::Trip up{top, {hierarchy_.owner(d, lane)}, cells_->lane(lane)};
          SwitchForest::Trip down{top, sorted(hierarchy_.domain(d)), cells_->lane(lane)};
          // Elsewhere the owner gets its own words back, as multicast stores do.
          if (request_.op == Op::broadcast) std::erase(down.ranks, hierarchy_.owner(d, lane));
          alone_and_back(up, down, rounds);
        }
      }
    });
  }
  // The way down begins in the round after the top is reached.
  void there_and_back(const SwitchForest::Trip& up, const SwitchForest::Trip& down,
                      Rounds& rounds) const {
    Rounds climb;
    Rounds descent;
    forest_.climb(up, climb);
    forest_.descend(down, descent);
    append(climb, descent, rounds);
  }
  void alone_and_back(const SwitchForest::Trip& up, const SwitchForest::Trip& down,
                      Rounds& rounds) const {
    Rounds climb;
    Rounds descent;
    forest_.climb_alone(up, climb);
    forest_.descend(down, descent);
    append(climb, descent, rounds);
  }
  static void append(const Rounds& climb, const Rounds& descent, Rounds& rounds) {
    for (std::size_t i = 0; i < climb.size(); ++i) {
      for (const Message& message : climb[i]) add_to_round(rounds, i, message);
    }
    for (std::size_t i = 0; i < descent.size(); ++i) {
      for (const Message& message : descent[i]) add_to_round(rounds, climb.size() + i, message);
    }
  }

  void between() {
    if (hierarchy_.domain_count() == 1) return;
    std::vector<std::int32_t> tops;
    tops.reserve(static_cast<std::size_t>(hierarchy_.lane_count()));
    for (std::int32_t lane = 0; lane < hierarchy_.lane_count(); ++lane) {
      tops.push_back(forest_.top_of(sorted(hierarchy_.owners(lane))));
    }
    if (std::ranges::find(tops, -1) != tops.end()) return between_without_switches();
    stage(Round::arrivals, [&](Rounds& rounds) {
      for (std::int32_t lane = 0; lane < hierarchy_.lane_count(); ++lane) {
        lane_over_tree(lane, tops[static_cast<std::size_t>(lane)], rounds);
      }
    });
  }

  void lane_over_tree(std::int32_t lane, std::int32_t top, Rounds& rounds) const {
    const std::vector<std::int32_t> owners = sorted(hierarchy_.owners(lane));
    const SwitchForest::Trip all{top, owners, cells_->lane(lane), request_.bytes};
    if (request_.op == Op::all_reduce) return there_and_back(all, all, rounds);
    if (request_.op == Op::reduce || request_.op == Op::broadcast) {
      const std::int32_t home = hierarchy_.owner(hierarchy_.domain_of(request_.root), lane);
      SwitchForest::Trip rooted = all;
      rooted.ranks = {home};
      if (request_.op == Op::reduce) return there_and_back(all, rooted, rounds);
      SwitchForest::Trip others = all;
      std::erase(others.ranks, home);
      return alone_and_back(rooted, others, rounds);
    }
    Rounds climb;
    Rounds descent;
    if (request_.op == Op::reduce_scatter) forest_.climb(all, climb);
    for (std::int32_t d = 0; d < hierarchy_.domain_count(); ++d) {
      const std::int32_t home = hierarchy_.owner(d, lane);
      const SwitchForest::Trip own{top, {home}, cells_->cell(lane, d), request_.bytes};
      SwitchForest::Trip others = own;
      others.ranks = owners;
      std::erase(others.ranks, home);
      if (request_.op == Op::all_gather) forest_.climb_alone(own, climb);
      forest_.descend(request_.op == Op::all_gather ? others : own, descent);
    }
    append(climb, descent, rounds);
  }

  void between_without_switches() {
    const auto every_lane = [this](auto fill) {
      stage(Round::lockstep, [&](Rounds& rounds) {
        for (std::int32_t lane = 0; lane < hierarchy_.lane_count(); ++lane) fill(lane, rounds);
      });
    };
    const std::int32_t root_domain = hierarchy_.domain_of(request_.root);
    if (request_.op == Op::broadcast) {
      return every_lane(
          [&](std::int32_t l, Rounds& r) { chain_from(hierarchy_, *cells_, l, root_domain, r); });
    }
    if (request_.op == Op::reduce) {
      return every_lane(
          [&](std::int32_t l, Rounds& r) { chain_to(hierarchy_, *cells_, l, root_domain, r); });
    }
    if (request_.op != Op::all_gather) {
      every_lane(
          [&](std::int32_t l, Rounds& r) { ring_reduce_scatter(hierarchy_, *cells_, l, r); });
    }
    if (request_.op != Op::reduce_scatter) {
      every_lane([&](std::int32_t l, Rounds& r) { ring_all_gather(hierarchy_, *cells_, l, r); });
    }
  }

  const ScheduleRequest& request_;
  Hierarchy hierarchy_;
  SwitchForest forest_;
  RoundBuilder builder_;
  const Cells* cells_ = nullptr;
  bool pipelined_ = false;
};

}  // namespace

std::optional<std::string> why_not_in_network(const ScheduleRequest& request) {
  if (auto reason = why_not_forest(request)) return reason;
  const Hierarchy hierarchy(request);
  const SwitchForest forest(request);
  if (hierarchy.domain_count() > 1 && forest.top_of(sorted(hierarchy.owners(0))) >= 0)
    return std::nullopt;
  for (std::int32_t d = 0; d < hierarchy.domain_count(); ++d) {
    const std::vector<std::int32_t> ranks = sorted(hierarchy.domain(d));
    if (ranks.size() > 1 && forest.top_of_alone(ranks) >= 0) return std::nullopt;
  }
  return "no switch that can reduce lies between these ranks (in_switch_reduction of scale_up, or "
         "in_network_reduction of the fabric)";
}

void write_in_network(const ScheduleRequest& request, Schedule& schedule) {
  InNetwork(request, schedule).write();
}

}  // namespace windtunnel::collectives

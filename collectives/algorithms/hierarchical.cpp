// Hierarchical: inside each scale-up domain, then between domains lane by lane, then inside again
// (hierarchy.hpp).
//
// all_reduce: every rank sends each owner its slice (reduce-scatter inside), a ring all-reduce of
// S/L on every lane at the same time, owners send the result to all (all-gather inside).
// all_gather: rings on the lanes, then inside; reduce_scatter the other way round. broadcast: the
// root spreads slices over its domain, a chain on every lane, all-gather inside; reduce the other
// way round. So what crosses between domains is S/L a lane instead of S a ring. Chunks are
// pipelined through all the stages.
#include "collectives/algorithms/algorithms.hpp"
#include "collectives/algorithms/hierarchical_all_to_all.hpp"
#include "collectives/hierarchy.hpp"

namespace windtunnel::collectives {
namespace {

using Round = RoundBuilder::Round;

class Hierarchical {
 public:
  Hierarchical(const ScheduleRequest& request, Schedule& schedule)
      : request_(request), hierarchy_(request), builder_(schedule) {}

  void write() {
    const std::int64_t chunks = hierarchy_chunks(request_, hierarchy_);
    pipelined_ = chunks > 1;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      builder_.begin_chunk();
      const Cells cells(request_, hierarchy_, chunk, chunks);
      if (request_.op == Op::broadcast || request_.op == Op::all_gather) {
        inward(cells);
      } else {
        write_reducing(cells);
      }
    }
  }

 private:
  template <class Fill>
  void stage(Round kind, Fill fill) {
    Rounds rounds;
    fill(rounds);
    play(rounds, kind, builder_);
    if (!pipelined_) builder_.next_phase();
  }
  template <class Fill>
  void every_lane(Fill fill) {
    stage(Round::lockstep, [&](Rounds& rounds) {
      for (std::int32_t lane = 0; lane < hierarchy_.lane_count(); ++lane) fill(lane, rounds);
    });
  }
  void collect(const Cells& cells) {
    stage(Round::arrivals, [&](Rounds& rounds) {
      for (std::int32_t d = 0; d < hierarchy_.domain_count(); ++d) {
        collect_direct(hierarchy_, cells, d, rounds);
      }
    });
  }
  void spread(const Cells& cells) {
    stage(Round::arrivals, [&](Rounds& rounds) {
      for (std::int32_t d = 0; d < hierarchy_.domain_count(); ++d) {
        spread_direct(hierarchy_, cells, d, rounds);
      }
    });
  }

  // broadcast, all_gather: data to the owners, along the lanes, to everyone.
  void inward(const Cells& cells) {
    const bool broadcast = request_.op == Op::broadcast;
    // The root finishes handing out slices before it passes its own on.
    stage(broadcast ? Round::lockstep : Round::arrivals, [&](Rounds& rounds) {
      if (broadcast) {
        root_to_owners(hierarchy_, cells, request_.root, rounds);
      } else {
        guests_to_owners(hierarchy_, cells, rounds);
      }
    });
    every_lane([&](std::int32_t lane, Rounds& rounds) {
      if (broadcast) {
        chain_from(hierarchy_, cells, lane, hierarchy_.domain_of(request_.root), rounds);
      } else {
        ring_all_gather(hierarchy_, cells, lane, rounds);
      }
    });
    spread(cells);
  }

  void write_reducing(const Cells& cells) {
    collect(cells);
    if (request_.op == Op::reduce) {
      every_lane([&](std::int32_t lane, Rounds& rounds) {
        chain_to(hierarchy_, cells, lane, hierarchy_.domain_of(request_.root), rounds);
      });
      return stage(Round::arrivals, [&](Rounds& rounds) {
        owners_to_root(hierarchy_, cells, request_.root, rounds);
      });
    }
    every_lane([&](std::int32_t lane, Rounds& rounds) {
      ring_reduce_scatter(hierarchy_, cells, lane, rounds);
    });
    if (request_.op == Op::reduce_scatter) {
      return stage(Round::arrivals,
                   [&](Rounds& rounds) { owners_to_guests(hierarchy_, cells, rounds); });
    }
    every_lane([&](std::int32_t lane, Rounds& rounds) {
      ring_all_gather(hierarchy_, cells, lane, rounds);
    });
    spread(cells);
  }

  const ScheduleRequest& request_;
  Hierarchy hierarchy_;
  RoundBuilder builder_;
  bool pipelined_ = false;
};

}  // namespace

void write_hierarchical(const ScheduleRequest& request, Schedule& schedule) {
  if (request.op == Op::all_to_all) return write_hierarchical_all_to_all(request, schedule);
  Hierarchical(request, schedule).write();
}

}  // namespace windtunnel::collectives

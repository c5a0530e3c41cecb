#include "collectives/hierarchy.hpp"

#include <algorithm>
#include <numeric>

#include "collectives/ring_order.hpp"

namespace windtunnel::collectives {
namespace {

bool by_rank(const ScheduleRequest& request) {
  return request.op == Op::all_gather || request.op == Op::reduce_scatter;
}

std::vector<Range> joined(std::vector<Range> ranges) {
  std::ranges::sort(ranges, [](const Range& a, const Range& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
  });
  std::vector<Range> result;
  for (const Range& range : ranges) {
    if (!result.empty() && result.back().end() == range.offset) {
      result.back().bytes += range.bytes;
    } else {
      result.push_back(range);
    }
  }
  return result;
}

void send(std::int32_t from, std::int32_t to, const std::vector<Range>& ranges, Action action,
          std::vector<Message>& round) {
  for (const Range& range : ranges) round.push_back(in_place(from, to, range, action));
}

std::vector<Message>& round_at(Rounds& rounds, std::int32_t index) {
  const auto slot = static_cast<std::size_t>(index);
  if (rounds.size() <= slot) rounds.resize(slot + 1);
  return rounds[slot];
}

}  // namespace

Hierarchy::Hierarchy(const ScheduleRequest& request)
    : domain_of_(static_cast<std::size_t>(request.ranks), 0) {
  if (request.domain.empty() && request.algorithm == Algorithm::hierarchical) {
    domains_.emplace_back(static_cast<std::size_t>(request.ranks));
    std::iota(domains_.front().begin(), domains_.front().end(), 0);
  } else {
    domains_ = domains_of(request);
  }
  lanes_ = request.ranks;
  for (std::int32_t d = 0; d < domain_count(); ++d) {
    lanes_ = std::min(lanes_, static_cast<std::int32_t>(domain(d).size()));
    for (const std::int32_t rank : domain(d)) domain_of_[slot(rank)] = d;
  }
}

std::vector<std::int32_t> Hierarchy::members(std::int32_t d, std::int32_t lane) const {
  std::vector<std::int32_t> ranks;
  for (std::size_t i = slot(lane); i < domain(d).size(); i += slot(lanes_)) {
    ranks.push_back(domain(d)[i]);
  }
  return ranks;
}

std::vector<std::int32_t> Hierarchy::owners(std::int32_t lane) const {
  std::vector<std::int32_t> ranks;
  ranks.reserve(domains_.size());
  for (std::int32_t d = 0; d < domain_count(); ++d) ranks.push_back(owner(d, lane));
  return ranks;
}

Cells::Cells(const ScheduleRequest& request, const Hierarchy& hierarchy, std::int64_t chunk,
             std::int64_t chunks)
    : domains_(hierarchy.domain_count()) {
  const std::int64_t unit = unit_of(request);
  const Range whole{0, request.bytes};
  for (std::int32_t rank = 0; rank < request.ranks && by_rank(request); ++rank) {
    ranks_.push_back(part(part(whole, request.ranks, rank, unit), chunks, chunk, unit));
  }
  // Every chunk has the same messages (see RoundBuilder::begin_chunk), so parts that only happen to
  // touch stay apart where there are several chunks.
  const auto tidy = [&](std::vector<Range> ranges) {
    return by_rank(request) && chunks > 1 ? ranges : joined(std::move(ranges));
  };
  for (std::int32_t lane = 0; lane < hierarchy.lane_count(); ++lane) {
    const Range slice = part(part(whole, hierarchy.lane_count(), lane, unit), chunks, chunk, unit);
    std::vector<Range> all;
    for (std::int32_t d = 0; d < domains_; ++d) {
      std::vector<Range> cell;
      if (by_rank(request)) {
        for (const std::int32_t rank : hierarchy.members(d, lane)) cell.push_back(of_rank(rank));
      } else {
        cell.push_back(part(slice, domains_, d, unit));
      }
      all.insert(all.end(), cell.begin(), cell.end());
      cells_.push_back(tidy(std::move(cell)));
    }
    lanes_.push_back(tidy(std::move(all)));
  }
}

std::int64_t hierarchy_chunks(const ScheduleRequest& request, const Hierarchy& hierarchy) {
  const std::int64_t pieces = by_rank(request) ? request.ranks : hierarchy.lane_count();
  return chunk_count(request, part({0, request.bytes}, pieces, 0, unit_of(request)).bytes);
}

void collect_direct(const Hierarchy& hierarchy, const Cells& cells, std::int32_t domain,
                    Rounds& rounds) {
  const std::vector<std::int32_t>& ranks = hierarchy.domain(domain);
  std::vector<Message>& round = round_at(rounds, 0);
  const auto size = static_cast<std::int32_t>(ranks.size());
  for (std::int32_t k = 1; k < size; ++k) {
    for (std::int32_t i = 0; i < size; ++i) {
      const std::int32_t lane = (i + k) % size;
      if (lane >= hierarchy.lane_count()) continue;
      send(ranks[static_cast<std::size_t>(i)], hierarchy.owner(domain, lane), cells.lane(lane),
           Action::reduce, round);
    }
  }
}

void spread_direct(const Hierarchy& hierarchy, const Cells& cells, std::int32_t domain,
                   Rounds& rounds) {
  const std::vector<std::int32_t>& ranks = hierarchy.domain(domain);
  std::vector<Message>& round = round_at(rounds, 0);
  const auto size = static_cast<std::int32_t>(ranks.size());
  for (std::int32_t k = 1; k < size; ++k) {
    for (std::int32_t lane = 0; lane < hierarchy.lane_count(); ++lane) {
      const std::int32_t to = ranks[static_cast<std::size_t>((lane + k) % size)];
      send(hierarchy.owner(domain, lane), to, cells.lane(lane), Action::copy, round);
    }
  }
}

void ring_reduce_scatter(const Hierarchy& hierarchy, const Cells& cells, std::int32_t lane,
                         Rounds& rounds) {
  const std::int32_t n = hierarchy.domain_count();
  for (std::int32_t step = 0; step < n - 1; ++step) {
    for (std::int32_t d = 0; d < n; ++d) {
      send(hierarchy.owner(d, lane), hierarchy.owner((d + 1) % n, lane),
           cells.cell(lane, (d - 1 - step + n) % n), Action::reduce, round_at(rounds, step));
    }
  }
}

void ring_all_gather(const Hierarchy& hierarchy, const Cells& cells, std::int32_t lane,
                     Rounds& rounds) {
  const std::int32_t n = hierarchy.domain_count();
  for (std::int32_t step = 0; step < n - 1; ++step) {
    for (std::int32_t d = 0; d < n; ++d) {
      send(hierarchy.owner(d, lane), hierarchy.owner((d + 1) % n, lane),
           cells.cell(lane, (d - step + n) % n), Action::copy, round_at(rounds, step));
    }
  }
}

void chain_from(const Hierarchy& hierarchy, const Cells& cells, std::int32_t lane,
                std::int32_t root_domain, Rounds& rounds) {
  const std::int32_t n = hierarchy.domain_count();
  for (std::int32_t step = 0; step < n - 1; ++step) {
    send(hierarchy.owner((root_domain + step) % n, lane),
         hierarchy.owner((root_domain + step + 1) % n, lane), cells.lane(lane), Action::copy,
         round_at(rounds, step));
  }
}

void chain_to(const Hierarchy& hierarchy, const Cells& cells, std::int32_t lane,
              std::int32_t root_domain, Rounds& rounds) {
  const std::int32_t n = hierarchy.domain_count();
  for (std::int32_t step = 0; step < n - 1; ++step) {
    send(hierarchy.owner((root_domain + step + 1) % n, lane),
         hierarchy.owner((root_domain + step + 2) % n, lane), cells.lane(lane), Action::reduce,
         round_at(rounds, step));
  }
}

void guests_to_owners(const Hierarchy& hierarchy, const Cells& cells, Rounds& rounds) {
  for (std::int32_t d = 0; d < hierarchy.domain_count(); ++d) {
    for (std::int32_t lane = 0; lane < hierarchy.lane_count(); ++lane) {
      for (const std::int32_t rank : hierarchy.members(d, lane)) {
        if (rank == hierarchy.owner(d, lane)) continue;
        add_to_round(rounds, 0,
                     in_place(rank, hierarchy.owner(d, lane), cells.of_rank(rank), Action::copy));
      }
    }
  }
}

void owners_to_guests(const Hierarchy& hierarchy, const Cells& cells, Rounds& rounds) {
  for (std::int32_t d = 0; d < hierarchy.domain_count(); ++d) {
    for (std::int32_t lane = 0; lane < hierarchy.lane_count(); ++lane) {
      for (const std::int32_t rank : hierarchy.members(d, lane)) {
        if (rank == hierarchy.owner(d, lane)) continue;
        add_to_round(rounds, 0,
                     in_place(hierarchy.owner(d, lane), rank, cells.of_rank(rank), Action::copy));
      }
    }
  }
}

void root_to_owners(const Hierarchy& hierarchy, const Cells& cells, std::int32_t root,
                    Rounds& rounds) {
  for (std::int32_t lane = 0; lane < hierarchy.lane_count(); ++lane) {
    const std::int32_t owner = hierarchy.owner(hierarchy.domain_of(root), lane);
    if (owner != root) send(root, owner, cells.lane(lane), Action::copy, round_at(rounds, 0));
  }
}

void owners_to_root(const Hierarchy& hierarchy, const Cells& cells, std::int32_t root,
                    Rounds& rounds) {
  for (std::int32_t lane = 0; lane < hierarchy.lane_count(); ++lane) {
    const std::int32_t owner = hierarchy.owner(hierarchy.domain_of(root), lane);
    if (owner != root) send(owner, root, cells.lane(lane), Action::copy, round_at(rounds, 0));
  }
}

}  // namespace windtunnel::collectives

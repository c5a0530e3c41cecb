// Two levels: scale-up domains, and lanes between them; the stages that hierarchical and in_network
// are made of.
//
// Model: the smallest domain has L ranks; lane l joins the l-th rank of every domain, its owners (a
// rail where each GPU has its NIC). Ranks beyond L in larger domains belong to lane (local index
// mod L) without owning it. all_reduce, broadcast and reduce cut the buffer into L slices, one a
// lane; all_gather and reduce_scatter give a lane the parts of its ranks. A cell is what lane l
// handles for domain d.
#pragma once

#include <cstdint>
#include <vector>

#include "collectives/buffers.hpp"
#include "collectives/exchange.hpp"
#include "collectives/request.hpp"

namespace windtunnel::collectives {

class Hierarchy {
 public:
  explicit Hierarchy(const ScheduleRequest& request);

  std::int32_t domain_count() const { return static_cast<std::int32_t>(domains_.size()); }
  std::int32_t lane_count() const { return lanes_; }
  const std::vector<std::int32_t>& domain(std::int32_t d) const { return domains_[slot(d)]; }
  std::int32_t owner(std::int32_t d, std::int32_t lane) const { return domain(d)[slot(lane)]; }
  std::int32_t domain_of(std::int32_t rank) const { return domain_of_[slot(rank)]; }
  // Ranks of domain d in this lane, its owner first.
  std::vector<std::int32_t> members(std::int32_t d, std::int32_t lane) const;
  std::vector<std::int32_t> owners(std::int32_t lane) const;

 private:
  static std::size_t slot(std::int32_t index) { return static_cast<std::size_t>(index); }

  std::vector<std::vector<std::int32_t>> domains_;
  std::vector<std::int32_t> domain_of_;
  std::int32_t lanes_ = 0;
};

// The bytes of one chunk, by lane and domain.
class Cells {
 public:
  // Chunk `chunk` of `chunks`: of every lane's slice, or of every rank's part.
  Cells(const ScheduleRequest& request, const Hierarchy& hierarchy, std::int64_t chunk,
        std::int64_t chunks);

  const std::vector<Range>& cell(std::int32_t lane, std::int32_t domain) const {
    return cells_[static_cast<std::size_t>(lane) * static_cast<std::size_t>(domains_) +
                  static_cast<std::size_t>(domain)];
  }
  // All cells of a lane, adjacent ranges as one.
  const std::vector<Range>& lane(std::int32_t lane) const {
    return lanes_[static_cast<std::size_t>(lane)];
  }
  // This chunk of one rank's part (all_gather, reduce_scatter).
  Range of_rank(std::int32_t rank) const { return ranks_[static_cast<std::size_t>(rank)]; }

 private:
  std::int32_t domains_;
  std::vector<std::vector<Range>> cells_;
  std::vector<std::vector<Range>> lanes_;
  std::vector<Range> ranks_;
};

// Chunks of a hierarchical pipeline: chunk_bytes is the most of a lane's slice, or of a rank's
// part, that one chunk holds.
std::int64_t hierarchy_chunks(const ScheduleRequest& request, const Hierarchy& hierarchy);

// Stages inside a domain without a switch: everyone sends each owner its lane; owners send theirs
// to all.
void collect_direct(const Hierarchy& hierarchy, const Cells& cells, std::int32_t domain,
                    Rounds& rounds);
void spread_direct(const Hierarchy& hierarchy, const Cells& cells, std::int32_t domain,
                   Rounds& rounds);

// Stages between domains, of all lanes given, as rings over the owners.
void ring_reduce_scatter(const Hierarchy& hierarchy, const Cells& cells, std::int32_t lane,
                         Rounds& rounds);
void ring_all_gather(const Hierarchy& hierarchy, const Cells& cells, std::int32_t lane,
                     Rounds& rounds);
// Chains over the owners: from the root's domain onwards, or up to it.
void chain_from(const Hierarchy& hierarchy, const Cells& cells, std::int32_t lane,
                std::int32_t root_domain, Rounds& rounds);
void chain_to(const Hierarchy& hierarchy, const Cells& cells, std::int32_t lane,
              std::int32_t root_domain, Rounds& rounds);

// Between the ranks that own no lane and the owner of theirs (domains of unequal size).
void guests_to_owners(const Hierarchy& hierarchy, const Cells& cells, Rounds& rounds);
void owners_to_guests(const Hierarchy& hierarchy, const Cells& cells, Rounds& rounds);

// Between the root and the owners of its domain.
void root_to_owners(const Hierarchy& hierarchy, const Cells& cells, std::int32_t root,
                    Rounds& rounds);
void owners_to_root(const Hierarchy& hierarchy, const Cells& cells, std::int32_t root,
                    Rounds& rounds);

}  // namespace windtunnel::collectives

// The reducing switches of a request, and the rounds in which data climbs and descends a tree of
// them.
//
// Contract: the forest outlives what is asked of it; a set of participants is sorted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectives/exchange.hpp"
#include "collectives/request.hpp"

namespace windtunnel::collectives {

class SwitchForest {
 public:
  // Precondition: !why_not_forest(request).
  explicit SwitchForest(const ScheduleRequest& request);

  // The switch lowest in the forest (as participant) that has all `ranks` below it; -1 if there is
  // none.
  std::int32_t top_of(const std::vector<std::int32_t>& ranks) const;
  // The same, if no other rank of the request is below it.
  std::int32_t top_of_alone(const std::vector<std::int32_t>& ranks) const;

  struct Trip {
    std::int32_t top = -1;            // a switch, as participant
    std::vector<std::int32_t> ranks;  // who takes part, sorted
    std::vector<Range> ranges;        // of the ranks' buffers
    std::int64_t shift = 0;           // switches hold them so much further on
  };
  // All ranks' ranges added up at the top: one round a level.
  void climb(const Trip& trip, Rounds& rounds) const;
  // What the top holds to all ranks of the trip; what a rank has is overwritten.
  void descend(const Trip& trip, Rounds& rounds) const;
  // One rank's ranges up to the top, copied.
  void climb_alone(const Trip& trip, Rounds& rounds) const;

 private:
  struct Node {
    std::vector<std::int32_t> children;  // participants
    std::vector<std::int32_t> leaves;    // ranks below, sorted
    std::int32_t height = 0;             // ranks are 0
  };
  const Node& node(std::int32_t participant) const {
    return nodes_[static_cast<std::size_t>(participant - ranks_)];
  }
  bool is_switch(std::int32_t participant) const { return participant >= ranks_; }
  std::int32_t height(std::int32_t participant) const {
    return is_switch(participant) ? node(participant).height : 0;
  }
  void fill(std::int32_t participant);
  bool takes_part(std::int32_t participant, const Trip& trip) const;

  std::int32_t ranks_;
  std::vector<Node> nodes_;
};

// What is wrong with the switches of a request as a forest, as a sentence; nothing if they are one.
std::optional<std::string> why_not_forest(const ScheduleRequest& request);

}  // namespace windtunnel::collectives

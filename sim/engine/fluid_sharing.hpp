// Max-min fair rates of flows over links, kept up as flows come and go.
//
// Model: progressive filling. A flow whose limit is not above the equal share of any of its links
// gets its limit; else the link of the least equal share gives that share to its flows; what is
// settled is taken off the links, and so on. Shares of links only grow on the way, so the order of
// settling does not change the rates. Only flows joined by links to what changed are looked at.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/platform/network.hpp"

namespace windtunnel::sim {

class FluidSharing {
 public:
  using FlowSlot = std::uint32_t;

  explicit FluidSharing(const Network& network);

  // A flow over these links, fat pipes left out; its rate is 0 until share().
  FlowSlot add(std::span<const LinkId> links, double limit);
  void remove(FlowSlot flow);
  bool changed() const { return !dirty_.empty(); }
  // Flows whose rate is now another; those joined by links in the order of their adding. A flow
  // without links moves at its limit from the start.
  std::vector<FlowSlot> share();
  double rate(FlowSlot flow) const { return flows_[flow].rate; }

 private:
  struct Flow {
    std::vector<std::uint32_t> links;
    double limit = 0.0, rate = 0.0, before = 0.0;
    std::uint64_t number = 0;  // in the order of adding
    bool settled = false, seen = false;
  };
  struct LinkState {
    double capacity = 0.0, left = 0.0;
    std::vector<FlowSlot> flows;
    std::uint32_t open = 0;  // flows that are not settled
    bool seen = false;
    double equal_share() const { return left / static_cast<double>(open); }
  };

  void reach(std::uint32_t link);
  void gather(std::uint32_t link);
  void fill();
  void settle(FlowSlot flow, double rate);
  bool settle_limited();
  void settle_tightest();
  double least_share(const Flow& flow) const;

  std::vector<LinkState> links_;
  std::vector<Flow> flows_;
  std::vector<FlowSlot> free_;
  std::uint64_t added_ = 0;
  std::vector<std::uint32_t> dirty_;      // links that flows came to or left
  std::vector<std::uint32_t> reached_;    // links of the component at work
  std::vector<FlowSlot> open_, members_;  // its flows: not settled, all
};

}  // namespace windtunnel::sim

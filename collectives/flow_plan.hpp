// The `bulk` lowering: one transfer for all bytes that an edge carries in a phase.
//
// Model: the messages of one edge (from, to) and one phase become a flow of their total bytes. A
// flow starts when the flows of earlier phases that its messages depend on are over; where flows of
// one phase depend on each other (a ring, a pipeline) they start together, after everything any of
// them waits for. What coarsening takes away is put back as a latency before the flow, the greater
// of
//   end - (route latency + bytes / bandwidth)      and      begin' + latencies - route latency
// end: when the edge's last message would complete on an unloaded network, counted from the start
// of the phase: the longest chain of messages up to it, each taking
//   overhead + route latency + c x its bytes / bandwidth  (c channels side by side on the edge);
// begin': when its first would start if every flow of the phase took an equal share of its ports (a
// pipeline fills while its stages share ports); latencies: what overheads and latencies alone come
// to on the longest chain from the edge's first message to its last.
// So an edge that shares its links with nobody is done exactly when `steps` has it done, and flows
// that do share links slow each other down as the engine has it.
// Equal to `steps` where no pipeline's stages share ports: ring, chains, recursive doubling,
// halving-doubling, pairwise, direct, parameter_server, and every algorithm in one chunk. An
// approximation for tree, double_binary_tree, hierarchical and in_network in chunks;
// tests/collectives/bulk_test.cpp states the error of each. Made for `simgrid`: `analytic` serves a
// port's transfers one after the other, whole, and a pipeline does not survive that.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "collectives/request.hpp"
#include "collectives/schedule.hpp"
#include "sim/base/quantity.hpp"
#include "sim/platform/network.hpp"

namespace windtunnel::collectives {

struct Flow {
  std::int32_t from = 0;
  std::int32_t to = 0;
  std::int32_t connections = 1;    // channels that it stands for
  double bytes = 0.0;              // exact up to 2^53
  base::Seconds extra_latency{0};  // before its bytes move

  bool local() const { return from == to; }  // a joint of dependencies
};

class FlowPlan {
 public:
  std::vector<Flow> flows;

  std::span<const std::int32_t> dependencies(std::int32_t flow) const {
    const auto slot = static_cast<std::size_t>(flow);
    return std::span(dependency_list_)
        .subspan(dependency_begin_[slot], dependency_begin_[slot + 1] - dependency_begin_[slot]);
  }
  void set_dependencies(const std::vector<std::vector<std::int32_t>>& of_each);

 private:
  std::vector<std::size_t> dependency_begin_{0};
  std::vector<std::int32_t> dependency_list_;
};

// What a message costs beside its route.
struct MessageCosts {
  base::Seconds overhead{0};  // per message, before it leaves
  base::BytesPerSecond rate_limit = base::BytesPerSecond::infinity();  // of one connection
};

// `endpoints` by participant.
FlowPlan plan_flows(const Schedule& schedule, std::span<const sim::EndpointId> endpoints,
                    const sim::Network& network, const MessageCosts& costs);

// The same from the request; rings of any length without writing their messages out.
FlowPlan plan_flows(const ScheduleRequest& request, std::span<const sim::EndpointId> endpoints,
                    const sim::Network& network, const MessageCosts& costs);

}  // namespace windtunnel::collectives

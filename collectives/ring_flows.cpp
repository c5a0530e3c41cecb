// The flows of a ring in closed form: what plan_flows would find, in time and memory proportional
// to the ranks and not to their square.
//
// Each edge of a channel's ring carries K messages (K = n-1, 2(n-1) for all_reduce), each after the
// one before on this edge and on the edge before. Chains of K messages may stay on any edge, so the
// last completes after K times the slowest edge's message; that is the same for every flow of the
// ring.
#include <algorithm>
#include <map>

#include "collectives/buffers.hpp"
#include "collectives/edge_cost.hpp"
#include "collectives/flow_plan.hpp"
#include "collectives/ring_order.hpp"

namespace windtunnel::collectives {
namespace {

bool has_closed_form(const ScheduleRequest& request) {
  const bool laps = request.op == Op::all_reduce || request.op == Op::all_gather ||
                    request.op == Op::reduce_scatter;
  if (request.algorithm != Algorithm::ring || !laps || request.ranks < 2) return false;
  return request.chunk_bytes <= 0 || request.chunk_bytes >= send_block(request, 0).bytes;
}

FlowPlan ring_flows(const ScheduleRequest& request, EdgeCosts& costs) {
  const std::int32_t channels = channels_used(request);
  const double laps = request.op == Op::all_reduce ? 2.0 : 1.0;
  const double steps = laps * (request.ranks - 1);
  std::map<std::pair<std::int32_t, std::int32_t>, Flow> by_edge;
  for (std::int32_t c = 0; c < channels; ++c) {
    const std::vector<std::int32_t> order = ring_order(request, c);
    const double bytes =
        static_cast<double>(part({0, request.bytes}, channels, c, unit_of(request)).bytes);
    for (std::size_t p = 0; p < order.size(); ++p) {
      const std::pair edge{order[p], order[p + 1 < order.size() ? p + 1 : 0]};
      const auto [place, added] =
          by_edge.try_emplace(edge, Flow{.from = edge.first, .to = edge.second});
      Flow& flow = place->second;
      flow.connections = added ? 1 : flow.connections + 1;
      flow.bytes += bytes * steps / request.ranks;
    }
  }
  double slowest = 0.0;
  for (const auto& [edge, flow] : by_edge) {
    const double message = flow.bytes / steps / flow.connections;
    slowest = std::max(slowest, costs.message_s(flow.from, flow.to, message, flow.connections));
  }
  FlowPlan plan;
  for (auto& [edge, flow] : by_edge) {
    flow.extra_latency = base::Seconds(std::max(0.0, steps * slowest - costs.flow_s(flow)));
    plan.flows.push_back(flow);
  }
  plan.set_dependencies(std::vector<std::vector<std::int32_t>>(plan.flows.size()));
  return plan;
}

}  // namespace

FlowPlan plan_flows(const ScheduleRequest& request, std::span<const sim::EndpointId> endpoints,
                    const sim::Network& network, const MessageCosts& costs) {
  EdgeCosts edges(endpoints, network, costs);
  if (has_closed_form(request)) return ring_flows(request, edges);
  return plan_flows(make_schedule(request), endpoints, network, costs);
}

}  // namespace windtunnel::collectives

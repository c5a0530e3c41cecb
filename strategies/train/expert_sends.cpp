#include "strategies/train/expert_sends.hpp"

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {

using base::Seconds;

DispatchTime dispatch_time(const Dispatch& d, DispatchRates rates) {
  base::expects(d.nodes >= 1 && d.ranks >= d.nodes && d.copies >= 1,
                "a dispatch has ranks on nodes and experts");
  const bool measured = rates == DispatchRates::measured;
  const double near_share = measured ? 0.68 : 1.0, far_share = measured ? 0.88 : 1.0;
  const Seconds start(measured ? 0.15e-3 : 0.0);
  const double nodes = static_cast<double>(d.nodes);
  const double of_a_node = static_cast<double>(d.ranks) / nodes;
  DispatchTime out;
  out.far = d.routed * ((1.0 - 1.0 / nodes) * per_node_share(d.nodes, d.copies));
  const base::Bytes near = d.routed * (1.0 - 1.0 / of_a_node);
  const Seconds inside = near.value() > 0 ? near / (d.near * near_share) : Seconds(0);
  const Seconds between = out.far.value() > 0 ? out.far / (d.far * far_share) : Seconds(0);
  out.time = start + base::max(inside, between);
  out.low = out.time * (measured ? 0.75 : 1.0);
  out.high = out.time * 1.4;
  return out;
}

}  // namespace windtunnel::strategies

// A cluster whose links cost what a calibrated model found, for simulating what the model has no
// answer for on the same footing as what it has one for.
//
// Model: a copy of the cluster with
//   scale-up port   bandwidth min(data sheet, LinkCosts::scale_up), latency max(data sheet, intra)
//   NIC             bandwidth min(data sheet, LinkCosts::nic), latency such that a message from the
//                   first node to the second takes max(data sheet, net)
// so that no link is better than its data sheet, and a lower bound from data-sheet links holds.
// Fabric links without a bandwidth of their own follow the NICs. Everything else stays: shape,
// routes (ECMP), switch latencies (which further nodes pay on top), PCIe uplinks. Shape and
// endpoints are those of the original, so placements made on one are valid on the other.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "collectives/time_model.hpp"
#include "sim/platform/network.hpp"

namespace windtunnel::strategies {

struct DeratedNetwork {
  sim::ValidCluster cluster;
  sim::Network network;
};

// Null where the cluster cannot be derated (given as explicit hosts and links).
std::shared_ptr<const DeratedNetwork> derate(const sim::ValidCluster& cluster,
                                             const sim::Network& network,
                                             const collectives::LinkCosts& costs);

// The last few derated networks of one cluster: sizes of a sweep mostly share theirs. Not
// thread-safe.
class DeratedNetworks {
 public:
  std::shared_ptr<const DeratedNetwork> at(const sim::ValidCluster& cluster,
                                           const sim::Network& network,
                                           const collectives::LinkCosts& costs);

 private:
  std::deque<std::pair<std::string, std::shared_ptr<const DeratedNetwork>>> kept_;
};

}  // namespace windtunnel::strategies

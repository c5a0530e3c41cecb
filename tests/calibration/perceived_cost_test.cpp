// What the fitted model believes that NCCL believes, against NCCL's rules themselves.
#include "calibration/perceived_cost.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "collectives/nccl/cost_model.hpp"

namespace windtunnel::calibration {
namespace {

namespace nccl = collectives::nccl;
using collectives::Op;

struct Box {
  std::string gpu;
  int nics;
  std::string interconnect;
  double nic_gbit;
};

LinkFacts links_of(const Box& box, int nodes) {
  return link_facts({.gpu = box.gpu,
                     .interconnect = box.interconnect,
                     .stack = "NCCL 2.28.9",
                     .nodes = nodes,
                     .gpus_per_node = 8,
                     .nic_rate = box.nic_gbit * 1e9 / 8,
                     .nics_per_node = box.nics});
}

nccl::CostModel rules_of(const LinkFacts& links, int nodes) {
  nccl::Topology topology;
  topology.layout = nccl::regular_layout(nodes, 8);
  topology.compute_capability = links.compute_capability;
  topology.nvswitch = true;
  topology.intra_bandwidth = base::BytesPerSecond(links.intra_ring);
  topology.nics = links.nics;
  topology.nic_bandwidth = base::BytesPerSecond(links.node_rate / links.nics);
  topology.cpu = nccl::CpuVendor::intel;
  return {topology, nccl::constants("2.28.9")};
}

nccl::NcclAlgorithm nccl_name(Candidate candidate) {
  return algorithm_of(candidate) == collectives::Algorithm::double_binary_tree
             ? nccl::NcclAlgorithm::tree
             : nccl::NcclAlgorithm::ring;
}

// NCCL's own cost of what we take over that of what it takes.
double regret(const LinkFacts& links, const nccl::CostModel& rules, int nodes, double bytes) {
  const Costs costs = perceived_costs(
      {.bytes = bytes, .nodes = double(nodes), .gpus_per_node = 8.0, .links = links});
  const auto ours = static_cast<Candidate>(
      std::min_element(costs.begin(), costs.begin() + static_cast<int>(Candidate::nvls)) -
      costs.begin());
  double least = INFINITY, taken = INFINITY;
  for (const nccl::TableEntry& entry : rules.table(Op::all_reduce)) {
    const bool known = entry.algorithm == nccl::NcclAlgorithm::ring ||
                       entry.algorithm == nccl::NcclAlgorithm::tree;
    if (!known || !entry.disabled.empty()) continue;
    const double time = rules.time(Op::all_reduce, entry, base::Bytes(bytes)).value();
    least = std::min(least, time);
    if (entry.algorithm == nccl_name(ours) && entry.protocol == protocol_of(ours)) taken = time;
  }
  return taken / least - 1.0;
}

// Eight GPUs a node with fewer NICs than GPUs have fewer channels, and each has a cap of its own: a
// ring beats a tree there, where eight NICs leave them close. The reduced form leaves out a few
// microseconds of the rules (the NIC's own latency), so near ties may fall the other way.
TEST(PerceivedCost, ChoosesWhatNcclsRulesChooseHoweverManyNicsANodeHas) {
  const std::vector<Box> boxes{{"a100-sxm-80gb", 8, "HDR InfiniBand", 200},
                               {"a100-sxm-80gb", 4, "HDR InfiniBand", 200},
                               {"a100-sxm-80gb", 2, "HDR InfiniBand", 200},
                               {"a100-sxm-80gb", 4, "HDR100 InfiniBand", 100},
                               {"h100-sxm", 8, "NDR InfiniBand", 400}};
  for (const Box& box : boxes) {
    for (const int nodes : {2, 4, 16}) {
      const LinkFacts links = links_of(box, nodes);
      ASSERT_EQ(links.nics, box.nics);
      const nccl::CostModel rules = rules_of(links, nodes);
      for (double bytes = 1 << 20; bytes <= 1 << 30; bytes *= 2)
        EXPECT_LT(regret(links, rules, nodes, bytes), 0.15)
            << box.gpu << " " << box.nics << " NICs of " << box.nic_gbit << " Gb/s, " << nodes
            << " nodes, " << bytes << " bytes";
    }
  }
}

}  // namespace
}  // namespace windtunnel::calibration

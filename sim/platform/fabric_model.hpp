// The network between nodes: switches, their links, and the way between two NIC ports.
//
// Contract: a model's links are directed and numbered from 0; append() adds those between the
// sending NIC's port and the receiving NIC's (the ports themselves are the node's links), none
// where both are on one switch. A link that leads into a switch carries the switch's latency. A new
// kind of fabric is one file with a class, its check of a cluster, and a line in make_fabric() and
// in check_fabric().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/platform/node_model.hpp"

namespace windtunnel::sim {

struct NicPort {
  int node = 0;
  int nic = 0;
  auto operator<=>(const NicPort&) const = default;
};

// What a fabric is made from. Every node has `ports` places for NICs (nodes with fewer leave some
// empty).
struct FabricShape {
  Fabric fabric;
  int nodes = 1;
  int ports = 1;
  base::BytesPerSecond nic_bandwidth{0};   // of one port, all its planes
  base::BytesPerSecond link_bandwidth{0};  // of one fabric link, all its planes
};
FabricShape fabric_shape(const Cluster& cluster);

// A switch of a reduction tree. Links are the fabric's: `up` leads to the parent, `down` from it.
struct TreeSwitch {
  std::string name;
  int parent = -1;
  int up = -1;
  int down = -1;
};

class FabricModel {
 public:
  virtual ~FabricModel() = default;
  virtual std::vector<Link> links() const = 0;
  virtual std::string link_name(int link) const = 0;
  virtual void append(NicPort from, NicPort to, const Path& path) const = 0;

  // Whether a message should leave by the NIC of the same number as it arrives at.
  virtual bool prefers_rails() const { return false; }
  // Whether it has to.
  virtual bool rails_only() const { return false; }

  // Where switches can reduce: lower ones first, and the switch that a port is plugged into.
  virtual std::vector<TreeSwitch> reduction_tree() const { return {}; }
  virtual int switch_of(NicPort) const { return 0; }
};

// Nothing for kind none.
std::unique_ptr<FabricModel> make_fabric(const FabricShape& shape);
// What is wrong with the fabric for this cluster, in a sentence; empty: nothing.
std::string check_fabric(const FabricShape& shape);

// One file a kind.
std::unique_ptr<FabricModel> make_switch(const FabricShape& shape);
std::unique_ptr<FabricModel> make_fat_tree(const FabricShape& shape);
std::unique_ptr<FabricModel> make_rail(const FabricShape& shape);
std::unique_ptr<FabricModel> make_dragonfly(const FabricShape& shape);
std::unique_ptr<FabricModel> make_torus(const FabricShape& shape);
std::string check_fat_tree(const FabricShape& shape);
std::string check_dragonfly(const FabricShape& shape);
std::string check_torus(const FabricShape& shape);

// A number that depends on the pair alone and spreads evenly (SplitMix64's finaliser).
std::uint64_t pair_hash(std::uint64_t from, std::uint64_t to);

}  // namespace windtunnel::sim

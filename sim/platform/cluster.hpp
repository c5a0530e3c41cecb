// A cluster as a scenario describes it (design: contract.md section 3, `cluster`), and the proof
// that it makes sense. Engines and networks take a ValidCluster only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/diagnostics.hpp"
#include "sim/base/quantity.hpp"
#include "sim/platform/faults.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::sim {

enum class ScaleUpKind { nvswitch, nvlink_mesh, nvlink_ring, pcie, none };
enum class FabricKind {
  none,
  switched,
  fat_tree,
  rail,
  dragonfly,
  torus
};  // `switched` is spelled `switch`

// `count` parallel links between the local GPUs a and b.
struct MeshLink {
  int a = 0;
  int b = 0;
  int count = 1;
};

// How the GPUs of one scale-up domain reach each other. `bandwidth` is per GPU and direction over
// all its links; a GPU's share of it on one mesh edge is bandwidth x count / (links of the GPU).
struct ScaleUp {
  ScaleUpKind kind = ScaleUpKind::nvswitch;
  base::BytesPerSecond bandwidth{0};
  base::Seconds latency{0};
  std::vector<MeshLink> links{};     // nvlink_mesh only; empty: all pairs alike
  int size = 0;                      // GPUs of one domain; 0: those of a node
  bool in_switch_reduction = false;  // NVLS: the switch can reduce and multicast
  // pcie only: GPUs below one PCIe switch (0: all at the root), which has one uplink; a chip may be
  // split into several such (virtual) switches, which reach each other inside the chip and not
  // through their uplinks
  int gpus_per_switch = 0;
  int switches_per_chip = 1;
  base::BytesPerSecond uplink_bandwidth{0};  // 0: as `bandwidth`
  base::BytesPerSecond chip_bandwidth{
      0};  // of a switch to the others of its chip, per direction; 0: unlimited
  // pcie only, of a node, all GPUs and both directions together; 0: unlimited
  base::BytesPerSecond host_bandwidth{0};  // to and from host memory
  base::BytesPerSecond root_bandwidth{
      0};  // from PCIe switch to PCIe switch, over root complex and sockets
};

struct Nics {
  int count = 0;
  base::BytesPerSecond bandwidth{0};  // per NIC and direction
  base::Seconds latency{0};           // paid at the sending and at the receiving NIC
};

struct Node {
  int gpus = 1;
  Gpu gpu{};
  ScaleUp scale_up{};
  Nics nics{};
  std::string cpu{};  // intel amd arm power; empty: not known (NCCL's choice depends on it)
};

struct Fabric {
  FabricKind kind = FabricKind::none;
  int levels = 2;                 // fat_tree: 1 to 3
  int radix = 64;                 // fat_tree: ports of a switch
  double oversubscription = 1.0;  // leaf uplinks: down bandwidth / up bandwidth
  bool rail_optimized = false;    // fat_tree: NIC r of every node of a group on leaf r
  base::Seconds switch_latency{0};
  std::optional<base::BytesPerSecond> bandwidth{};  // of a fabric link; default the NIC's
  int groups = 0, routers = 0, hosts = 0;           // dragonfly
  std::vector<int> dims{};                          // torus
  bool in_network_reduction = false;                // SHARP: switches can reduce
  // What calibrated predictions know this fabric by; neither changes the links.
  std::string interconnect{};  // technology: "InfiniBand", "RoCE", "Slingshot-11", "EFA", "TCP"
  std::string measured_as{};   // a measured cluster of the profile that stands for this one
};

struct Cost {
  base::DollarsPerSecond gpu_hour{0};  // per GPU
  double pue = 1.0;
  base::DollarsPerJoule power_price{0};
};

// Nodes first..last (inclusive) differ from the rest.
struct NodeOverride {
  int first = 0;
  int last = 0;
  std::optional<Gpu> gpu{};
  std::optional<ScaleUp> scale_up{};
  std::optional<Nics> nics{};
};

// A cluster given as explicit hosts, links and routes (imported SimGrid platform) instead of by its
// shape.
struct ExplicitLink {
  std::string name{};
  base::BytesPerSecond bandwidth{0};
  base::Seconds latency{0};
  bool fat_pipe = false;  // never shared: every flow may have all of it
};
struct ExplicitNetwork {
  std::vector<std::string> hosts;   // hosts are ranks, in the natural order of their names
  std::vector<ExplicitLink> links;  // one direction each
  std::vector<std::vector<int>>
      routes;  // link indices of (from, to) at from * hosts + to; diagonal empty
};

struct Cluster {
  std::string name;
  int nodes = 1;
  Node node;
  Fabric fabric;
  Cost cost;
  std::vector<NodeOverride> overrides;  // `heterogeneous` in a scenario
  Stragglers stragglers{};
  Failures failures{};
  std::optional<ExplicitNetwork> explicit_network;

  int gpu_count() const {
    return explicit_network ? static_cast<int>(explicit_network->hosts.size()) : nodes * node.gpus;
  }
};

// A cluster that passed every check of validate(); the only way to make one.
class ValidCluster {
 public:
  const Cluster& operator*() const { return cluster_; }
  const Cluster* operator->() const { return &cluster_; }
  // The node's description with overrides applied and slow NICs as slow as they are;
  // 0 <= node < nodes.
  Node node_at(int node) const;

 private:
  friend std::optional<ValidCluster> validate(const Cluster&, const base::SourceLocation&,
                                              base::Diagnostics&);
  explicit ValidCluster(Cluster cluster) : cluster_(std::move(cluster)) {}
  Cluster cluster_;
};

// Checks everything that a single field cannot tell (shape of the fabric against nodes, rails
// against NICs, ranges of overrides, sizes of domains); errors go to `diagnostics` at `where`.
std::optional<ValidCluster> validate(const Cluster& cluster, const base::SourceLocation& where,
                                     base::Diagnostics& diagnostics);

}  // namespace windtunnel::sim

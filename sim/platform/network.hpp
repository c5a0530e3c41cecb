// The links of a cluster and the way a message takes over them.
//
// Model: directed links, each with a bandwidth and a latency. A route is the list of links from one
// endpoint to another; its latency is the sum of theirs. The latency of a switch sits on the link
// that leads into it, the latency of a NIC on its port in either direction, the scale-up latency on
// the GPU's outgoing scale-up link, so that a transfer pays every element on its path once. Routes
// are computed on demand from coordinates; nothing here grows with the square of the GPUs.
// Deterministic: a pair of endpoints always takes the same route (ECMP by a hash of the pair).
// Between nodes a message leaves by the NIC of the sending GPU and arrives at that of the receiving
// one. On rail and rail-optimised fabrics it leaves by the NIC of the receiver's rail: over NVLink
// to the GPU that has it (NCCL's PXN; pays the scale-up latency too), over PCIe on a `rail` fabric
// without NVLink. The files beside this one hold the models: node_model (inside a node), fabric_*
// (one kind each).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/base/quantity.hpp"
#include "sim/base/strong_id.hpp"
#include "sim/platform/cluster.hpp"

namespace windtunnel::sim {

struct EndpointTag;
struct LinkTag;
// GPUs first (node * gpus + local), then one host memory a node, then the reducing switches.
using EndpointId = base::StrongId<EndpointTag>;
using LinkId = base::StrongId<LinkTag>;

enum class LinkKind { scale_up, pcie, nic, fabric, loopback };

struct Link {
  base::BytesPerSecond bandwidth{0};
  base::Seconds latency{0};
  LinkKind kind = LinkKind::fabric;
  bool endpoint_port = false;  // a GPU's scale-up port or a NIC's port: what `analytic` serialises
  bool fat_pipe = false;       // never shared
};

struct Route {
  std::vector<LinkId> links{};  // in order; empty for an endpoint to itself
  base::Seconds latency{0};
  base::BytesPerSecond bandwidth{0};  // of the narrowest link
  LinkId out_port = LinkId::none();   // the sender's endpoint port on this route, if any; between
                                      // nodes that of the NIC
  LinkId in_port = LinkId::none();    // the receiver's; may be the same link (a PCIe or mesh link)
};

// Where reduction in switches can happen: the switch endpoint, who is directly below it, and its
// parent. Routes lead from each GPU to the switches above it and back, and between switches of one
// tree.
enum class ReductionKind { nvls, sharp };
struct ReducingSwitch {
  EndpointId self{};
  std::vector<EndpointId> children{};  // GPUs or lower switches
  EndpointId parent = EndpointId::none();
  ReductionKind kind = ReductionKind::nvls;  // a scale-up domain's switch, or one of the fabric's
};

class Network {
 public:
  explicit Network(const ValidCluster& cluster);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  int gpu_count() const;
  int node_count() const;
  EndpointId gpu(int global_index) const;  // 0 <= global_index < gpu_count
  EndpointId host(int node) const;  // host memory of a node (of an explicit network: its rank)
  int endpoint_count() const;
  int node_of(EndpointId endpoint) const;  // -1 for a switch
  std::string endpoint_name(
      EndpointId endpoint) const;  // "node3.gpu5", "node3.host", "rail2.switch"

  std::span<const Link> links() const;
  int link_count() const { return static_cast<int>(links().size()); }
  std::string link_name(LinkId link) const;  // "node3.nic2.out", "leaf1.up0"

  Route route(EndpointId from, EndpointId to) const;

  // NVLS domains and SHARP trees that the cluster states; empty where it states none.
  std::vector<ReducingSwitch> reducing_switches() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace windtunnel::sim

// The links inside one node and the ways over them: scale-up, PCIe, NICs.
//
// Model: nodes of one description have the same links in the same order, so one NodeModel serves
// all of them; node n's links are those of the model shifted by the node's first LinkId. Inside a
// node a transfer pays the scale-up latency once (once a hop where it is passed on by a GPU: mesh
// and ring).
//   - GPU to GPU of one scale-up domain: over NVLink, as the ScaleUpModel says.
//   - otherwise over PCIe: GPU, its PCIe switch where there is one, the root complex where two PCIe
//   switches
//     (or none) are between them.
//   - GPU to its own NIC: directly (GPUDirect), with no link of the node on the way; where the
//   node's
//     scale-up is PCIe, over the PCIe link that the GPU has.
//   - GPU to another NIC of its node: over NVLink to the GPU that has this NIC (NCCL's PXN) where
//   one domain
//     holds both, else over PCIe.
// GPU g of G uses NIC floor(g * NICs / G). A node with m NICs a GPU has m planes: they count as one
// port of m times the bandwidth, as NCCL's channels use them side by side.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/platform/cluster.hpp"
#include "sim/platform/network.hpp"

namespace windtunnel::sim {

// Links of a model, numbered from 0, with their names.
class LinkTemplate {
 public:
  int add(std::string name, const Link& link);
  const std::vector<Link>& links() const { return links_; }
  const std::string& name(int link) const { return names_[static_cast<std::size_t>(link)]; }

 private:
  std::vector<Link> links_;
  std::vector<std::string> names_;
};

// Where a route grows: appends links of a model whose first link has the LinkId `first`.
struct Path {
  std::vector<LinkId>* links;
  std::int32_t first = 0;
  void add(int link) const { links->push_back(LinkId(first + link)); }
};

// GPU to GPU within one scale-up domain of one node (for NVSwitch also across nodes).
class ScaleUpModel {
 public:
  virtual ~ScaleUpModel() = default;
  // False where NVLink does not lead from a to b.
  virtual bool append(int from, int to, const Path& path) const = 0;
  // A GPU's port into and out of the domain's switch; -1 where there is no switch.
  virtual int port_out(int) const { return -1; }
  virtual int port_in(int) const { return -1; }
};

// Nothing where the domain is a single GPU or the kind is pcie or none.
std::unique_ptr<ScaleUpModel> make_scale_up(const Node& node, LinkTemplate& links);

// Bandwidth of the scale-up link: what the cluster states, else what the GPU's data sheet does.
base::BytesPerSecond scale_up_bandwidth(const Node& node);
// GPUs of one domain, at least 1.
int domain_size(const Node& node);
// NIC ports of a node (NICs of one GPU count as one) and the NICs of one port.
int port_count(const Node& node);
int planes(const Node& node);

class PcieTree {
 public:
  PcieTree(const Node& node, LinkTemplate& links);
  void gpu_to_gpu(int from, int to, const Path& path) const;
  void gpu_to_host(int gpu, const Path& path) const;
  void host_to_gpu(int gpu, const Path& path) const;
  // To and from a NIC that sits beside GPU `home`.
  void gpu_to_nic(int gpu, int home, const Path& path) const;
  void nic_to_gpu(int home, int gpu, const Path& path) const;
  // Host memory to or from a NIC that sits beside GPU `home`.
  void host_to_nic(int home, const Path& path) const;
  void nic_to_host(int home, const Path& path) const;

 private:
  enum class Direction : std::uint8_t { up, down };
  void add_switches(const Node& node, const Link& like, LinkTemplate& links);
  void uplink(int gpu, Direction direction, const Path& path) const;
  void between(int from, int to, const Path& path) const;
  static void over(int link, const Path& path) {
    if (link >= 0) path.add(link);
  }

  int per_switch_ = 0;
  int per_chip_ = 0;    // GPUs below the switches of one chip
  int gpu_out_ = 0;     // link of GPU 0; GPU g has gpu_out_ + 2 g out and the next one in
  int switch_up_ = -1;  // likewise for the uplinks of the switches
  int chip_out_ = -1;   // and for their ports inside the chip
  int host_ = -1;
  int root_ = -1;
  int latency_ = -1;
};

// What a NodeModel needs to know of the fabric that its NICs are plugged into.
struct FabricAccess {
  std::optional<base::BytesPerSecond> bandwidth;  // of the cable, if it is narrower than the NIC
  base::Seconds switch_latency{0};
};

class NodeModel {
 public:
  NodeModel(const Node& node, const FabricAccess& access);

  const LinkTemplate& links() const { return links_; }
  int ports() const { return ports_; }
  int port_of(int gpu) const { return ports_ > 0 ? gpu * ports_ / gpus_ : -1; }
  int nic_out(int port) const { return nic_out_ + 2 * port; }
  int nic_in(int port) const { return nic_out_ + 2 * port + 1; }
  bool same_domain(int a, int b) const { return a / domain_ == b / domain_; }
  // Whether NVLink leads from the GPU to the one that has this port.
  bool reaches_port_by_nvlink(int gpu, int port) const;
  const ScaleUpModel* scale_up() const { return scale_up_.get(); }

  void gpu_to_gpu(int from, int to, const Path& path) const;
  void gpu_to_host(int gpu, const Path& path) const { pcie_->gpu_to_host(gpu, path); }
  void host_to_gpu(int gpu, const Path& path) const { pcie_->host_to_gpu(gpu, path); }
  // From an endpoint onto the fabric through a port, and back.
  void gpu_to_port(int gpu, int port, const Path& path) const;
  void port_to_gpu(int port, int gpu, const Path& path) const;
  void host_to_port(int port, const Path& path) const;
  void port_to_host(int port, const Path& path) const;

 private:
  int home_of(int port) const;  // the first GPU that uses this port

  LinkTemplate links_;
  int gpus_ = 1;
  int ports_ = 0;
  int domain_ = 1;
  int nic_out_ = 0;
  bool nic_over_pcie_ = false;
  std::unique_ptr<ScaleUpModel> scale_up_;
  std::unique_ptr<PcieTree> pcie_;
};

}  // namespace windtunnel::sim

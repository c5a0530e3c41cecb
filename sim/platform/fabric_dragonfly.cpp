// A dragonfly (Kim et al. 2008, ISCA): groups of routers, all routers of a group linked to each
// other, one link between any two groups; `hosts` nodes at each router, with all their NICs.
//
// The link from group i to group j, at distance D = (j - i) mod groups, leaves from router (D - 1)
// mod routers of group i. Routing is minimal: to the router with that link, over it, to the
// receiver's router; at most three links between routers.
#include <fmt/format.h>

#include <algorithm>

#include "sim/platform/fabric_model.hpp"

namespace windtunnel::sim {
namespace {

// Links in this order: local ones, by (group, from, to); global ones, by (from, to).
class Dragonfly final : public FabricModel {
 public:
  explicit Dragonfly(const FabricShape& shape)
      : shape_(shape),
        groups_(shape.fabric.groups),
        routers_(shape.fabric.routers),
        local_links_(groups_ * routers_ * routers_) {}

  std::vector<Link> links() const override {
    const Link link{.bandwidth = shape_.link_bandwidth, .latency = shape_.fabric.switch_latency};
    return std::vector<Link>(static_cast<std::size_t>(local_links_ + groups_ * groups_), link);
  }

  std::string link_name(int link) const override {
    if (link >= local_links_) {
      const int pair = link - local_links_;
      return fmt::format("group{}.to{}", pair / groups_, pair % groups_);
    }
    const int from = link / routers_;
    return fmt::format("group{}.router{}.to{}", from / routers_, from % routers_, link % routers_);
  }

  void append(NicPort from, NicPort to, const Path& path) const override {
    const int source = from.node / shape_.fabric.hosts;
    const int target = to.node / shape_.fabric.hosts;
    const int source_group = source / routers_;
    const int target_group = target / routers_;
    int router = source % routers_;
    if (source_group != target_group) {
      const int gateway = gateway_of(source_group, target_group);
      if (router != gateway) path.add(local(source_group, router, gateway));
      path.add(local_links_ + source_group * groups_ + target_group);
      router = gateway_of(target_group, source_group);
    }
    if (router != target % routers_) path.add(local(target_group, router, target % routers_));
  }

 private:
  int gateway_of(int group, int other) const {
    return ((other - group + groups_) % groups_ - 1) % routers_;
  }
  int local(int group, int from, int to) const { return (group * routers_ + from) * routers_ + to; }

  FabricShape shape_;
  int groups_;
  int routers_;
  int local_links_;
};

}  // namespace

std::string check_dragonfly(const FabricShape& shape) {
  const Fabric& fabric = shape.fabric;
  if (fabric.groups < 1 || fabric.routers < 1 || fabric.hosts < 1) {
    return "a dragonfly needs fabric.groups, fabric.routers (of a group) and fabric.hosts (nodes "
           "at a "
           "router), each at least 1";
  }
  const auto routers = static_cast<std::int64_t>(fabric.groups) * fabric.routers;
  if (static_cast<double>(routers) * fabric.routers +
          static_cast<double>(fabric.groups) * fabric.groups >
      5e7) {
    return fmt::format(
        "a dragonfly of {} groups with {} routers has too many links to simulate "
        "(more than 50 million)",
        fabric.groups, fabric.routers);
  }
  const std::int64_t room = routers * fabric.hosts;
  if (shape.nodes <= room) return "";
  return fmt::format(
      "the dragonfly has room for {} nodes ({} groups x {} routers x {} hosts), the "
      "cluster has {}",
      room, fabric.groups, fabric.routers, fabric.hosts, shape.nodes);
}

std::unique_ptr<FabricModel> make_dragonfly(const FabricShape& shape) {
  return std::make_unique<Dragonfly>(shape);
}

}  // namespace windtunnel::sim

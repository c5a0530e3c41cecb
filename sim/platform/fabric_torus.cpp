// A torus of nodes: a router at each node, linked to the next and the one before along every
// dimension.
//
// Routing is in the order of the dimensions, along each the shorter way round; where both ways are
// equal the parity of the sender's coordinate decides. A message passes the router of every node on
// its way, sender's and receiver's included. All NICs of a node are plugged into its router.
#include <fmt/format.h>

#include <algorithm>

#include "sim/platform/fabric_model.hpp"

namespace windtunnel::sim {
namespace {

class Torus final : public FabricModel {
 public:
  explicit Torus(const FabricShape& shape) : shape_(shape) {
    int stride = 1;
    for (const int size : shape.fabric.dims) {
      strides_.push_back(stride);
      stride *= size;
    }
  }

  std::vector<Link> links() const override {
    const Link link{.bandwidth = shape_.link_bandwidth, .latency = shape_.fabric.switch_latency};
    return std::vector<Link>(static_cast<std::size_t>(shape_.nodes) * 2 * strides_.size(), link);
  }

  std::string link_name(int link) const override {
    const int dims = static_cast<int>(strides_.size());
    return fmt::format("router{}.dim{}.{}", link / 2 / dims, link / 2 % dims,
                       link % 2 == 0 ? "plus" : "minus");
  }

  void append(NicPort from, NicPort to, const Path& path) const override {
    int node = from.node;
    for (std::size_t dim = 0; dim < strides_.size(); ++dim) {
      const int size = shape_.fabric.dims[dim];
      const int start = coordinate(node, dim);
      const int plus = (coordinate(to.node, dim) - start + size) % size;
      const int minus = (size - plus) % size;
      const bool forward = plus < minus || (plus == minus && (size == 2 || start % 2 == 0));
      for (int hops = std::min(plus, minus); hops > 0; --hops) {
        path.add((node * static_cast<int>(strides_.size()) + static_cast<int>(dim)) * 2 +
                 (forward ? 0 : 1));
        node = step(node, dim, forward ? 1 : size - 1);
      }
    }
  }

 private:
  int coordinate(int node, std::size_t dim) const {
    return node / strides_[dim] % shape_.fabric.dims[dim];
  }
  int step(int node, std::size_t dim, int by) const {
    const int from = coordinate(node, dim);
    return node + ((from + by) % shape_.fabric.dims[dim] - from) * strides_[dim];
  }

  FabricShape shape_;
  std::vector<int> strides_;
};

}  // namespace

std::string check_torus(const FabricShape& shape) {
  const std::vector<int>& dims = shape.fabric.dims;
  if (dims.empty()) return "a torus needs fabric.dims, such as [4, 4, 2]";
  std::int64_t product = 1;
  for (const int size : dims) {
    if (size < 1) return fmt::format("fabric.dims holds {}; every dimension is at least 1", size);
    product = std::min<std::int64_t>(product * size, 1LL << 40);
  }
  if (product == shape.nodes) return "";
  return fmt::format("fabric.dims make a torus of {} nodes, the cluster has {}", product,
                     shape.nodes);
}

std::unique_ptr<FabricModel> make_torus(const FabricShape& shape) {
  return std::make_unique<Torus>(shape);
}

}  // namespace windtunnel::sim

// One non-blocking switch for all NICs (`switch`), and one for each rail (`rail`).
#include <fmt/format.h>

#include "sim/base/contract.hpp"
#include "sim/platform/fabric_model.hpp"

namespace windtunnel::sim {
namespace {

class SingleSwitch final : public FabricModel {
 public:
  std::vector<Link> links() const override { return {}; }
  std::string link_name(int) const override { return ""; }
  void append(NicPort, NicPort, const Path&) const override {}
  std::vector<TreeSwitch> reduction_tree() const override { return {{.name = "switch"}}; }
};

// NIC r of every node is on switch r; the rails meet only inside the nodes.
class RailSwitches final : public FabricModel {
 public:
  explicit RailSwitches(int rails) : rails_(rails) {}
  std::vector<Link> links() const override { return {}; }
  std::string link_name(int) const override { return ""; }
  void append(NicPort from, NicPort to, const Path&) const override {
    base::expects(from.nic == to.nic, "a rail fabric joins NICs of the same rail only");
  }
  bool prefers_rails() const override { return true; }
  bool rails_only() const override { return true; }
  std::vector<TreeSwitch> reduction_tree() const override {
    std::vector<TreeSwitch> switches;
    for (int rail = 0; rail < rails_; ++rail) {
      switches.push_back({.name = fmt::format("rail{}.switch", rail)});
    }
    return switches;
  }
  int switch_of(NicPort port) const override { return port.nic; }

 private:
  int rails_;
};

}  // namespace

std::unique_ptr<FabricModel> make_switch(const FabricShape&) {
  return std::make_unique<SingleSwitch>();
}

std::unique_ptr<FabricModel> make_rail(const FabricShape& shape) {
  return std::make_unique<RailSwitches>(shape.ports);
}

}  // namespace windtunnel::sim

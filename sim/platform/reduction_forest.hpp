// The switches of a network that can reduce: one a scale-up domain (NVLS), and the trees of the
// fabric (SHARP). Switch i is endpoint first_endpoint + i.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/platform/fabric_model.hpp"

namespace windtunnel::sim {

class ReductionForest {
 public:
  struct Switch {
    std::string name;
    ReductionKind kind = ReductionKind::nvls;
    int parent = -1;
    LinkId up{};    // to the parent
    LinkId down{};  // from it
  };

  // One switch for each `domain` consecutive GPUs; call before add_fabric().
  void add_domains(int gpus, int domain);
  // The fabric's tree, whose links start at `first_link`; each GPU hangs below one of its switches.
  void add_fabric(std::span<const TreeSwitch> tree, std::vector<int> switch_of_gpu,
                  std::int32_t first_link);

  int count() const { return static_cast<int>(switches_.size()); }
  const Switch& at(int index) const { return switches_[static_cast<std::size_t>(index)]; }
  // The switch of this kind that the GPU hangs below; -1 if there is none.
  int above(int gpu, ReductionKind kind) const;
  // The links from one switch to another of the same tree: up to the first common one, then down.
  void append(int from, int to, std::vector<LinkId>& links) const;
  std::vector<ReducingSwitch> describe(int gpus, int first_endpoint) const;

 private:
  std::vector<Switch> switches_;
  std::vector<int> domain_of_gpu_;
  std::vector<int> leaf_of_gpu_;
};

}  // namespace windtunnel::sim

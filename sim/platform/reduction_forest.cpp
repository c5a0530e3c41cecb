#include "sim/platform/reduction_forest.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/contract.hpp"

namespace windtunnel::sim {
namespace {

LinkId shifted(int link, std::int32_t first) {
  return link < 0 ? LinkId::none() : LinkId(first + link);
}

}  // namespace

void ReductionForest::add_domains(int gpus, int domain) {
  base::expects(switches_.empty(), "domains come before the fabric's switches");
  for (int gpu = 0; gpu < gpus; ++gpu) domain_of_gpu_.push_back(gpu / domain);
  const int domains = (gpus + domain - 1) / domain;
  for (int d = 0; d < domains; ++d) {
    switches_.push_back({.name = fmt::format("domain{}.nvswitch", d)});
  }
}

void ReductionForest::add_fabric(std::span<const TreeSwitch> tree, std::vector<int> switch_of_gpu,
                                 std::int32_t first_link) {
  const int first = count();
  for (const TreeSwitch& node : tree) {
    switches_.push_back({.name = node.name,
                         .kind = ReductionKind::sharp,
                         .parent = node.parent < 0 ? -1 : first + node.parent,
                         .up = shifted(node.up, first_link),
                         .down = shifted(node.down, first_link)});
  }
  leaf_of_gpu_ = std::move(switch_of_gpu);
  for (int& leaf : leaf_of_gpu_) leaf += first;
}

int ReductionForest::above(int gpu, ReductionKind kind) const {
  const std::vector<int>& of_gpu = kind == ReductionKind::nvls ? domain_of_gpu_ : leaf_of_gpu_;
  return of_gpu.empty() ? -1 : of_gpu[static_cast<std::size_t>(gpu)];
}

void ReductionForest::append(int from, int to, std::vector<LinkId>& links) const {
  std::vector<int> ancestors;
  for (int s = to; s >= 0; s = at(s).parent) ancestors.push_back(s);
  int meeting = from;
  auto found = std::find(ancestors.begin(), ancestors.end(), meeting);
  while (found == ancestors.end()) {
    base::expects(at(meeting).parent >= 0, "switches of two trees: there is no route between them");
    links.push_back(at(meeting).up);
    meeting = at(meeting).parent;
    found = std::find(ancestors.begin(), ancestors.end(), meeting);
  }
  while (found != ancestors.begin()) links.push_back(at(*--found).down);
}

std::vector<ReducingSwitch> ReductionForest::describe(int gpus, int first_endpoint) const {
  std::vector<ReducingSwitch> all(switches_.size());
  for (int s = 0; s < count(); ++s) {
    ReducingSwitch& described = all[static_cast<std::size_t>(s)];
    described.self = EndpointId(first_endpoint + s);
    described.kind = at(s).kind;
    if (at(s).parent < 0) continue;
    described.parent = EndpointId(first_endpoint + at(s).parent);
    all[static_cast<std::size_t>(at(s).parent)].children.push_back(described.self);
  }
  for (const ReductionKind kind : {ReductionKind::nvls, ReductionKind::sharp}) {
    for (int gpu = 0; gpu < gpus; ++gpu) {
      const int leaf = above(gpu, kind);
      if (leaf >= 0) all[static_cast<std::size_t>(leaf)].children.emplace_back(gpu);
    }
  }
  return all;
}

}  // namespace windtunnel::sim

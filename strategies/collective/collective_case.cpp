#include "strategies/collective/collective_case.hpp"

#include <numeric>

#include "sim/base/unit_text.hpp"

namespace windtunnel::strategies {

std::vector<CollectiveCase> expand(const CollectiveWorkload& workload, int gpus) {
  CollectiveCase one;
  one.groups = workload.groups;
  if (one.groups.empty()) {
    one.groups.emplace_back(static_cast<std::size_t>(gpus));
    std::iota(one.groups.front().begin(), one.groups.front().end(), 0);
  }
  one.root = workload.root;
  one.channels = workload.channels;
  one.chunk = workload.chunk;
  one.protocol = workload.protocol;
  one.lowering = workload.lowering;
  one.launch = workload.launch;
  std::vector<CollectiveCase> cases;
  cases.reserve(static_cast<std::size_t>(case_count(workload)));
  for (const collectives::Op op : workload.ops) {
    for (const collectives::Algorithm algorithm : workload.algorithms) {
      for (const base::Bytes bytes : workload.sizes) {
        one.op = op;
        one.algorithm = algorithm;
        one.bytes = bytes;
        cases.push_back(one);
      }
    }
  }
  return cases;
}

std::int64_t case_count(const CollectiveWorkload& workload) {
  return static_cast<std::int64_t>(workload.ops.size() * workload.algorithms.size() *
                                   workload.sizes.size());
}

std::string name_of(const CollectiveCase& one) {
  return std::string(to_text(one.op)) + " " + std::string(to_text(one.algorithm)) + " " +
         base::to_size_text(one.bytes);
}

}  // namespace windtunnel::strategies

// One collective to simulate: a point (op, algorithm, size) of a workload, with everything that
// holds for all its points.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/platform/cluster.hpp"
#include "strategies/collective/workload.hpp"

namespace windtunnel::strategies {

struct CollectiveCase {
  collectives::Op op = collectives::Op::all_reduce;
  collectives::Algorithm algorithm = collectives::Algorithm::ring;
  base::Bytes bytes{0};
  std::vector<std::vector<int>> groups;  // global GPU indices in rank order, at least one group
  int root = 0;                          // position in each group
  std::optional<int> channels;           // nothing: by NCCL's choice with a model, else 1
  std::optional<base::Bytes> chunk;      // nothing: the best of the closed form
  collectives::Protocol protocol = collectives::Protocol::automatic;
  Lowering lowering = Lowering::automatic;
  std::string launch;
};

// Every op x algorithm x size, in that order; an empty list of groups becomes one group of all
// GPUs.
std::vector<CollectiveCase> expand(const CollectiveWorkload& workload, int gpus);
// Their number, without making them.
std::int64_t case_count(const CollectiveWorkload& workload);

// "all_reduce ring 1MiB"
std::string name_of(const CollectiveCase& one);

}  // namespace windtunnel::strategies

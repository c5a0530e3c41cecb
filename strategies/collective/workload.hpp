// `workload.kind: collective` of a scenario (contract.md section 3) as plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collectives/collective.hpp"

namespace windtunnel::strategies {

enum class Lowering { automatic, steps, bulk };

// A whole workload: every (op, algorithm, size) is a case of its own.
struct CollectiveWorkload {
  std::vector<collectives::Op> ops;  // `op`: one or a list
  std::vector<collectives::Algorithm> algorithms;
  std::vector<base::Bytes> sizes;
  std::vector<std::vector<int>> groups;  // GPU indices; empty: one group of all GPUs
  int root = 0;                      // position in the group; broadcast, reduce, parameter_server
  std::optional<int> channels;       // default: by NCCL's choice with a profile, else 1
  std::optional<base::Bytes> chunk;  // nothing: auto, the best of the closed form
  collectives::Protocol protocol = collectives::Protocol::automatic;
  Lowering lowering = Lowering::automatic;
  std::string launch;  // per_gpu_process | one_process_per_node
};

}  // namespace windtunnel::strategies

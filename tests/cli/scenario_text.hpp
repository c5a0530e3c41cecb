// Scenario files for the tests of the command line.
#pragma once

#include <string>

namespace windtunnel::tests {

// Two algorithms at two sizes on one node of four GPUs, by formula or the analytic engine.
inline const std::string kSmall = R"(schema: windtunnel/1
name: small
description: two algorithms, two sizes
cluster: teaching-4gpu
workload: {kind: collective, op: all_reduce, algorithms: [ring, tree], sizes: [1KiB, 1MiB]}
calibration: none
)";

// The same, and a line more.
inline std::string small_with(const std::string& lines) {
  return kSmall + lines + "\n";
}

// Many cases that each take SimGrid a while: a ring of 128 ranks, message by message.
inline const std::string kLong = R"(schema: windtunnel/1
name: long
cluster: {use: dgx-h100, nodes: 16}
workload:
  kind: collective
  op: all_reduce
  algorithms: [ring]
  sizes: {from: 1KiB, to: 8GiB, factor: 1.2}
  lowering: steps
calibration: none
engine: {kind: simgrid}
)";

}  // namespace windtunnel::tests

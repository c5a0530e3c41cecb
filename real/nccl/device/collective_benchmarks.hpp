// The points of `windtunnel-measure collective` on NCCL: op x size x placement x forced setting.
//
// Communicators are made once a setting and kept while points of the same setting follow each other.
// With one GPU a call is a copy on the device or nothing at all: such rows have ranks 1 and say what a
// call costs to launch; what they cannot say (links, algorithms) is listed as left out, because NCCL
// refuses two ranks on one GPU.
#pragma once

#include <functional>
#include <vector>

#include "real/benchmark.hpp"
#include "real/launch_environment.hpp"
#include "real/selection.hpp"

namespace windtunnel::real {

struct CollectiveSite {
  LaunchEnvironment environment{};
  std::vector<int> devices{};  // CUDA indices that this process drives; empty: no GPU to list for
  std::function<Peers&()> peers{};  // asked once points are prepared
};

// The GPUs a process should drive: the one asked for, its own of several processes, or all.
std::vector<int> collective_devices(const LaunchEnvironment& environment, int asked);

// Throws InputError where a wished op, algorithm or protocol means nothing to NCCL.
std::vector<Benchmark> collective_benchmarks(const Selection& selection,
                                             const CollectiveSite& site);

}  // namespace windtunnel::real

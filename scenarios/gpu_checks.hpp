// What a workload asks of the GPU's sheet that the sheet may leave out.
//
// Products are priced from the dense peak of a floating-point format: training and serving need one
// of fp16, bf16, tf32 and fp32, or a wider one that stands in for the precision
// (models/gpu_library.hpp); a collective needs none. Copies between device and host need
// pcie_bandwidth: of training what is offloaded and asynchronous checkpoints, of serving blocks kept
// in host memory.
#pragma once

#include "scenarios/document/node.hpp"
#include "scenarios/scenario.hpp"

namespace windtunnel::scenarios {

// `resolved` is the whole scenario; errors stand where the user's file says what needs the figure,
// or at the GPU that lacks it.
void check_gpus(const Node& resolved, const sim::Cluster& cluster, const Workload& workload,
                base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios

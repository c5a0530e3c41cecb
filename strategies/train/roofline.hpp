// The ops of a network's most frequent layer on the roofline of its GPU
// (Williams, Waterman and Patterson 2009): arithmetic intensity in FLOP a byte,
// and the rate reached.
//
// FLOPs and bytes are those of the lowered kernels of one rank and micro-batch
// (each operand read and each result written once), times those of the kernel
// models, without exchanges and host.
#pragma once

#include "models/kernels/kernel_time_model.hpp"
#include "models/networks/network.hpp"
#include "sim/base/fact.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

// Columns: op, pass (forward, backward), flops, bytes, time_s, flops_per_byte,
// flops_per_s, bytes_per_s. Ops of no kernels are left out.
base::Table roofline_table(const TrainPlan& plan, const models::Network& network,
                           const models::KernelTimeModel& kernels);
// Columns: roof, flops_per_s, bytes_per_s: the GPU's data sheet in the job's
// precision. Empty where the sheet has no peak for it.
base::Table roofs_table(const sim::Gpu& gpu, models::NumberFormat precision);

}  // namespace windtunnel::strategies

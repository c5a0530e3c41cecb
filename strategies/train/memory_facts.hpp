// Facts about memory, and, where a job does not fit, the sentence that says by how much and what
// would have to change.
//
// What would have to change: the first of these that makes the job fit alone, with what it would
// then need: selective recomputation, full, half the micro-batch and so on down to 1, the next ZeRO
// level, optimizer states on the host; else all of them together, and what is still missing.
// At the limit: PyTorch's caching allocator does not return what is freed but keeps it for the next
// request of its size. While there is room that costs nothing; where blocks in use and kept together
// are more than the device has (`wanted` > usable >= `total`), cudaMalloc fails, the allocator frees
// every unused block (cudaFree waits for the device) and asks again: such a job runs, with retries in
// its steps (num_alloc_retries of torch.cuda.memory_stats), and ends as soon as fragments leave no
// block of the size asked for. Headroom = usable less `wanted` of the stage that wants most; below 0
// it is what has to be given back. Sources: pytorch/pytorch, c10/cuda/CUDACachingAllocator.cpp
// (malloc: alloc_block, then release_cached_blocks and alloc_block again) and its documentation.
// Bands (90 %) of the totals: what is held of parameters is counted and certain; activations to 8 %,
// scratch to 30 %, context and communicators to 40 %, free blocks to 50 %, independent of one another
// (chosen so that measured peaks of allocated, reserved and used memory lie inside nine times of ten).
#pragma once

#include <vector>

#include "models/networks/network.hpp"
#include "sim/base/fact.hpp"
#include "sim/platform/gpu.hpp"
#include "strategies/train/train_memory.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

// Pre: `stages` is stage_memory(plan, network).
void add_memory_facts(const TrainPlan& plan, const models::Network& network,
                      const std::vector<StageMemory>& stages, const sim::Gpu& gpu,
                      base::Outcome& out);

// The stage that needs most.
const StageMemory& fullest(const std::vector<StageMemory>& stages);
const StageMemory& wanting_most(const std::vector<StageMemory>& stages);
bool fits(const std::vector<StageMemory>& stages, const sim::Gpu& gpu);
// It fits, and the allocator has to give blocks back.
bool at_limit(const std::vector<StageMemory>& stages, const sim::Gpu& gpu);

// Share of activations within which their counted bytes lie (90 %).
inline constexpr double kActivationsSpread = 0.08;

}  // namespace windtunnel::strategies

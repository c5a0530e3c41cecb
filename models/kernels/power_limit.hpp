// The rate of tensor-core work that a GPU keeps up for long, within its power limit.
//
// Kernels are measured in short bursts, often on constant data; a training step runs dense products
// of random data for minutes, and the clock falls until the board draws its limit. Model: a FLOP at
// 16 bits costs an energy e that belongs to the architecture, so rate <= power / e; a FLOP at 8 bits
// costs about half of it, at 4 a quarter (a sixth on Blackwell Ultra, as its peaks), in tf32 twice as much.
// Products in fp32, outside the tensor cores, keep a share of their own peak that belongs to the
// architecture (Ampere 0.75, Hopper 0.61: NeuSight's steps; the others by their kind). A kernel takes at
// least FLOPs / rate. Memory-bound kernels are left alone.
//
// The clock that a board settles at holds for a whole step, not for a kernel: a product that keeps less
// of the chip busy loses almost as much of its rate as one that keeps all of it. With r the rate of a
// kernel at full clock, R = power / e that of the best ones under the limit, and kappa R what those would
// reach at full clock (0.915 of the peak of an A100, an MI300X, an MI355X):
//   rate = min(r, R (r / (kappa R))^beta)
// The peak of the sheet acts through r alone, so that more of it never costs time.
// beta = 0: every kernel may draw what the limit leaves (R alone); 1: one clock whatever the kernel.
// Dynamic power as the 2.5th power of the clock (times voltage squared), a quarter of it for clocking
// whatever the work, gives 0.7. Ampere has 0.7: Megatron's and BLOOM's pairs of micro-batches differ as
// the kernels' tables do; the others 0 until they have such pairs.
// e in pJ, fitted to published training runs (README, accuracy of training): Ampere on vTrain, BLOOM
// and Megatron, Hopper on NVIDIA's DGX Cloud tables, Blackwell on SimuMax's; earlier architectures
// as Ampere, scaled by the process. CDNA from AMD's own sustained products of normally distributed
// data (ROCm blogs, "Measuring Max-Achievable FLOPs, part 2", 2025, and "Typical Attained FLOPs", 2026):
// MI300X 698 TFLOP/s of bf16 (708 as published, times what the other data cost the MI325X) within 750 W,
// MI325X 831 within 1 kW, so that the energy grows as the 0.394th power of the limit (a higher clock
// needs a higher voltage); fp8 1408 on MI325X. CDNA 4 from fp8 of hipBLASLt on MI355X (3130 TFLOP/s,
// 8192 cubed; "FP8 GEMM Optimization on CDNA 4", 2026), bf16 near 0.53 of it: an estimate, +- 10 %.
// Its beta is Ampere's, as 30 s of one shape each reach 74 % of the best on a MI325X. Range of validity:
// air-cooled boards at their default limit.
#pragma once

#include "models/kernels/number_format.hpp"
#include "sim/base/quantity.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

// Infinity where the sheet states no power.
base::FlopsPerSecond sustained_rate(const sim::Gpu& gpu, NumberFormat format);

// Of products that take `alone` at full clock. Contract: at least that; rises with it.
base::Seconds sustained_time(const sim::Gpu& gpu, NumberFormat format, base::Flops products,
                             base::Seconds alone);

}  // namespace windtunnel::models

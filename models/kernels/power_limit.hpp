// The rate of tensor-core work that a GPU keeps up for long, within its power limit.
//
// Kernels are measured in short bursts, often on constant data; a training step runs dense products
// of random data for minutes, and the clock falls until the board draws its limit. Model: a FLOP at
// 16 bits costs an energy e that belongs to the architecture, so rate <= power / e, and in another
// format e scales with the inverse of the peaks (an fp8 FLOP costs half). A kernel takes at least
// FLOPs / rate. Memory-bound kernels are left alone.
// e in pJ, fitted to published training runs (README, accuracy of training): Ampere on vTrain, BLOOM
// and Megatron, Hopper on NVIDIA's DGX Cloud tables, Blackwell on SimuMax's; earlier architectures
// as Ampere, scaled by the process. Range of validity: air-cooled boards at their default limit.
#pragma once

#include "models/kernels/number_format.hpp"
#include "sim/base/quantity.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

// Infinity where the sheet states no power.
base::FlopsPerSecond sustained_rate(const sim::Gpu& gpu, NumberFormat format);

}  // namespace windtunnel::models

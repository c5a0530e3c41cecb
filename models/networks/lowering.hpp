// From ops to the kernels of one device.
//
// A linear layer of k inputs and n outputs on m tokens is a GEMM of (m, n, k) forward, (m, k, n) for
// the gradient of its input and (n, k, m) for that of its weights. Unfused attention is its chain of
// batched GEMMs over the full square, softmax, mask and dropout; fused attention is one kernel that
// leaves out what the mask leaves out. A convolution is its implicit GEMM. Eight-bit products have a
// cast of each operand beside them.
//
// Kernels of equal shape that follow each other are one entry with a count.
#pragma once

#include <vector>

#include "models/networks/layout.hpp"
#include "models/networks/network.hpp"

namespace windtunnel::models {

struct Kernel {
  KernelQuery query;
  std::int64_t count = 1;
};
using Kernels = std::vector<Kernel>;

struct LoweringOptions {
  Mode mode = Mode::training;
  Formats formats{};
  Software software{};
  Layout layout{};
  double expert_skew = 0.0;  // of MoeQuery
  RecomputeModules again{};  // what selective recomputation names; none: as the software does
};

// Appends the kernels of one pass of an op. Pre: tensor divides the heads and the widths it splits,
// or the largest rank's share is taken; Pass other than forward only in Mode::training.
void lower(const Op& op, const BatchShape& batch, const LoweringOptions& options, Pass pass,
           Kernels& out);
Kernels lower(const Block& block, const BatchShape& batch, const LoweringOptions& options,
              Pass pass);

// The activation between the matrices of experts, and in 8 bits and fewer the cast behind it: what
// recomputing it takes. Nothing where it is part of the products, or of an op without experts.
Kernels lower_expert_activation(const Op& op, const BatchShape& batch,
                                const LoweringOptions& options);

// Whether experts are grouped products with activation and casts in them: gated ones of 8 bits and
// fewer, where the software has that kernel.
bool fuses_experts(const MoeWork& work, const LoweringOptions& options);

base::Flops flops(const Kernels& kernels);
base::Bytes bytes(const Kernels& kernels);

}  // namespace windtunnel::models

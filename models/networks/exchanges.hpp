// What the ranks that share a micro-batch send each other for an op: the collectives of tensor,
// sequence, context and expert parallelism, with their sizes.
//
// Tensor parallelism (Shoeybi et al. 2019): all-reduce of the output of a row-split op forward and of
// the input gradient of a column-split op backward. With sequence parallelism (Korthikanti et al.
// 2022, section 4.2.2): all-gather before a column-split op and reduce-scatter after a row-split one,
// the reverse backward, and the all-gather again for the gradient of the weights. Experts: all-to-all
// of the permuted tokens and back, both passes. Context: keys and values round the ring, gathered, or
// heads against sequence.
#pragma once

#include <vector>

#include "models/networks/lowering.hpp"

namespace windtunnel::models {

enum class ExchangeKind { all_reduce, all_gather, reduce_scatter, all_to_all, ring };
enum class ExchangeGroup { tensor, expert, context };

// `bytes`: of the larger buffer of a rank, as nccl-tests counts; of a ring: what a rank sends in
// one of its `count` steps.
struct Exchange {
  ExchangeKind kind = ExchangeKind::all_reduce;
  ExchangeGroup group = ExchangeGroup::tensor;
  base::Bytes bytes{0};
  std::int64_t count = 1;
};

// Before (enter, all_to_all of experts) or after the op's kernels. Appends nothing where the group
// has one rank.
void exchanges(const Op& op, const BatchShape& batch, const LoweringOptions& options, Pass pass,
               std::vector<Exchange>& out);
std::vector<Exchange> exchanges(const Block& block, const BatchShape& batch,
                                const LoweringOptions& options, Pass pass);

}  // namespace windtunnel::models

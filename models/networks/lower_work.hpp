// Lowering of each kind of work; internal to models/networks.
#pragma once

#include "models/networks/lowering.hpp"

namespace windtunnel::models {

// What the lowering of one pass of one op needs; kernels go to `out`.
struct Target {
  const Op& op;
  const BatchShape& batch;
  const LoweringOptions& options;
  Pass pass;
  Kernels& out;

  double element() const { return element_bytes(options.formats); }
  std::int64_t rows() const { return rows_on_rank(op, batch, options.layout, options.mode); }
  bool backward() const { return pass == Pass::input_gradient || pass == Pass::weight_gradient; }
  // Appends where there is something to do.
  void gemm(GemmQuery query, std::int64_t count = 1) const;
  // `bytes` in all, spread over `kernels` equal ones.
  void memory(MemoryOp kind, double bytes, std::int64_t rows, std::int64_t kernels = 1) const;
};

void lower_work(const LinearWork& work, const Target& target);
void lower_work(const AttentionWork& work, const Target& target);
void lower_work(const MoeWork& work, const Target& target);
void lower_work(const MemoryWork& work, const Target& target);
void lower_work(const EmbeddingWork& work, const Target& target);
void lower_work(const ConvolutionWork& work, const Target& target);
void lower_work(const ProductWork& work, const Target& target);
void lower_work(const RecurrentWork& work, const Target& target);
void lower_work(const ScanWork& work, const Target& target);

// Experts on one rank and the tokens that reach them, all experts together.
struct ExpertShare {
  std::int64_t experts = 1;
  std::int64_t group_tokens = 1;   // distinct tokens that enter the expert group
  std::int64_t routed_tokens = 1;  // on this rank, each counted for each of its experts
};
ExpertShare expert_share(const MoeWork& work, const Target& target);

}  // namespace windtunnel::models

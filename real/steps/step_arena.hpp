// Where every tensor of a step lies in one block of device memory: parameters and optimizer state,
// the activations that backward needs (all of them: nothing is recomputed), and scratch.
//
// Contract: offsets are multiples of 256 bytes and tensors do not overlap; `bytes()` is what has to be
// allocated, workspaces of single kernels apart. T tokens, H hidden, V vocabulary.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "real/steps/step_shape.hpp"

namespace windtunnel::real {

enum class StepTensor {
  // of the model, in ParameterLayout's order: bf16, then fp32
  weights,
  master,
  moment1,
  moment2,
  gradient,
  // given: int32 [T] each; of blocks alone the last gradient, bf16 [T][H] (the input is x of layer 0)
  tokens,
  targets,
  cotangent,
  // of a block
  x,       // its input, bf16 [T][H]; of layer `layers`: the last output
  norm1,   // normalised, bf16 [T][H]
  stats1,  // fp32 [2][T]: mean and rstd, or rrms
  qkv,     // bf16 [T][(heads + 2 kv_heads) head_dim]
  heads,   // attention's output, bf16 [T][heads head_dim]
  lse,     // fp32 [batch][heads][sequence]
  x1,      // after attention, bf16 [T][H]
  norm2,
  stats2,
  up,         // bf16 [T][up width]
  activated,  // bf16 [T][ffn]
  // of the end of a model
  final_norm,
  final_stats,
  logits,     // bf16 [T][V]; then their gradient
  loss_rows,  // fp32 [T]
  loss_lse,
  loss,  // fp32 [1]: summed over the rows
  // scratch, one of each
  branch,    // output of a block's branch before it is added, bf16 [T][H]
  d_x,       // running gradient, bf16 [T][H]
  d_norm,    // gradient of a normalised tensor
  d_branch,  // what it adds to d_x
  d_activated,
  d_up,
  d_heads,
  d_qkv,
};

class StepArena {
 public:
  explicit StepArena(const StepShape& shape);

  std::int64_t bytes() const { return bytes_; }
  // Of a tensor that this shape has; `layer` -1 for those of no block.
  std::int64_t offset(StepTensor tensor, std::int64_t layer = -1) const;
  std::int64_t size(StepTensor tensor, std::int64_t layer = -1) const;
  const std::map<std::pair<StepTensor, std::int64_t>, std::pair<std::int64_t, std::int64_t>>& all()
      const {
    return places_;
  }

 private:
  void add(StepTensor tensor, std::int64_t layer, std::int64_t bytes);

  std::map<std::pair<StepTensor, std::int64_t>, std::pair<std::int64_t, std::int64_t>> places_;
  std::int64_t bytes_ = 0;
};

}  // namespace windtunnel::real

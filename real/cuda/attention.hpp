// Softmax attention: the fused kernel (forward, backward) and the unfused chain on cuBLAS.
//
// o = softmax(scale * q k^T + mask) v per head; query head h reads kv head h / (heads / kv_heads).
// Tensors are fp16 or bf16 with any strides between batches, tokens and heads (in elements, each a
// multiple of 8; a head's head_dim elements are contiguous), so [batch, token, head, dim] and a slice
// of a packed qkv projection need no copy. Causal: query i sees keys 0 .. i + kv_len - q_len.
// `lse`[batch][heads][q_len] = log(sum(exp(scale * q k^T))), natural logarithm.
//
// The fused kernel: FlashAttention-2's loop order (Dao 2023, arXiv 2307.08691, algorithms 1 and 2),
// tensor cores by mma.sync m16n8k16 with fp32 accumulation, cp.async; head_dim 64, 80, 96, 128 as
// they are, others up to 128 (a multiple of 8) computed as the next of these. Backward: one block a
// (kv block, kv head), dk and dv in registers in a fixed order; dq is added with fp32 atomics, whose
// order is free, so dq may differ in its last bits from run to run.
// Needs compute capability 8.0.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>

#include "models/kernels/kernel_query.hpp"
#include "real/cuda/element.hpp"

namespace windtunnel::real {

struct Strides {
  std::int64_t batch = 0, token = 0, head = 0;
};
// Of a packed [batch][tokens][heads][head_dim] tensor.
Strides packed_strides(std::int64_t tokens, std::int64_t heads, std::int64_t head_dim);

struct AttentionShape {
  std::int64_t batch = 1, heads = 1, kv_heads = 1, head_dim = 64, q_len = 1, kv_len = 1;
  models::AttentionMask mask = models::AttentionMask::causal;
  Element type = Element::bf16;
  float scale = 0.0F;  // 0: 1 / sqrt(head_dim)
};
// The reason in words why the kernels cannot do this shape; empty where they can.
std::string attention_refusal(const AttentionShape& shape);

struct AttentionForward {
  AttentionShape shape;
  const void *q = nullptr, *k = nullptr, *v = nullptr;
  void* o = nullptr;
  float* lse = nullptr;  // may be null
  Strides q_strides, k_strides, v_strides, o_strides;
};
void attention_forward(const AttentionForward& args, cudaStream_t stream);

struct AttentionBackward {
  AttentionShape shape;
  const void *q = nullptr, *k = nullptr, *v = nullptr, *o = nullptr, *d_o = nullptr;
  const float* lse = nullptr;
  void *dq = nullptr, *dk = nullptr, *dv = nullptr;    // overwritten
  void* workspace = nullptr;                           // attention_backward_workspace_bytes(shape)
  Strides q_strides, k_strides, v_strides, o_strides;  // of d_o: as o; of dq, dk, dv: as q, k, v
};
void attention_backward(const AttentionBackward& args, cudaStream_t stream);
std::int64_t attention_backward_workspace_bytes(const AttentionShape& shape);

}  // namespace windtunnel::real

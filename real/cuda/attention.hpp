// Softmax attention: the fused kernel (forward, backward).
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

#include "real/kernels/attention_arguments.hpp"

namespace windtunnel::real {

void attention_forward(const AttentionForward& args, cudaStream_t stream);
void attention_backward(const AttentionBackward& args, cudaStream_t stream);

}  // namespace windtunnel::real

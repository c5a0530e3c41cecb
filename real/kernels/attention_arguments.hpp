// What the attention kernels take; attention.hpp has the calls and the model.
#pragma once

#include <cstdint>
#include <string>

#include "models/kernels/kernel_query.hpp"
#include "real/kernels/element.hpp"

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

struct AttentionBackward {
  AttentionShape shape;
  const void *q = nullptr, *k = nullptr, *v = nullptr, *o = nullptr, *d_o = nullptr;
  const float* lse = nullptr;
  void *dq = nullptr, *dk = nullptr, *dv = nullptr;    // overwritten
  void* workspace = nullptr;                           // attention_backward_workspace_bytes(shape)
  Strides q_strides, k_strides, v_strides, o_strides;  // of d_o: as o; of dq, dk, dv: as q, k, v
};
std::int64_t attention_backward_workspace_bytes(const AttentionShape& shape);

}  // namespace windtunnel::real

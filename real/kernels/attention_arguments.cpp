#include "real/kernels/attention_arguments.hpp"

#include <fmt/format.h>

namespace windtunnel::real {

Strides packed_strides(std::int64_t tokens, std::int64_t heads, std::int64_t head_dim) {
  return {tokens * heads * head_dim, heads * head_dim, head_dim};
}

std::string attention_refusal(const AttentionShape& shape) {
  constexpr std::int64_t kMostBlocks = 65535, kMostTokens = 1LL << 28;
  if (shape.type == Element::fp32) return "attention is for fp16 and bf16";
  if (shape.batch < 1 || shape.heads < 1 || shape.q_len < 1 || shape.kv_len < 1) {
    return "attention of nothing";
  }
  if (shape.q_len > kMostTokens || shape.kv_len > kMostTokens) {
    return fmt::format("sequences above {} tokens", kMostTokens);
  }
  if (shape.batch > kMostBlocks || shape.heads > kMostBlocks) {
    return fmt::format("a batch of {} with {} heads is more than a grid has blocks", shape.batch,
                       shape.heads);
  }
  if (shape.kv_heads < 1 || shape.heads % shape.kv_heads != 0) {
    return fmt::format("{} heads are no multiple of {} kv heads", shape.heads, shape.kv_heads);
  }
  if (shape.head_dim < 8 || shape.head_dim > 128 || shape.head_dim % 8 != 0) {
    return fmt::format("head_dim {}: the fused kernel takes multiples of 8 up to 128",
                       shape.head_dim);
  }
  if (shape.mask == models::AttentionMask::causal && shape.kv_len < shape.q_len) {
    return fmt::format("causal attention of {} queries on {} keys: some would see none",
                       shape.q_len, shape.kv_len);
  }
  return "";
}

std::int64_t attention_backward_workspace_bytes(const AttentionShape& shape) {
  const std::int64_t rows = shape.batch * shape.heads * shape.q_len;
  return rows * (shape.head_dim + 1) * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace windtunnel::real

#include "calibration/kernels/kernel_words.hpp"

#include <fmt/format.h>

namespace windtunnel::calibration {

void describe(const models::GemmQuery& q, ScoredKernel& out) {
  out.kind = "gemm";
  out.precision = std::string(to_text(q.format));
  out.shape = fmt::format("{} x {} x {}", q.m, q.n, q.k);
  if (q.batch > 1) out.shape += fmt::format(", batch {}", q.batch);
  if (q.groups > 1) out.shape += fmt::format(", {} groups", q.groups);
  out.flops = models::flops(q).value();
  out.bytes = models::bytes(q).value();
}

void describe(const models::AttentionQuery& q, ScoredKernel& out) {
  out.kind = fmt::format("attention_{}", to_text(q.phase));
  out.precision = std::string(to_text(q.format));
  if (q.kv_format != q.format) out.precision += fmt::format("/{}", to_text(q.kv_format));
  out.shape = fmt::format("batch {}, heads {}/{} x {}, {} on {}", q.batch, q.heads, q.kv_heads,
                          q.head_dim, q.q_len, q.kv_len);
  if (q.window > 0) out.shape += fmt::format(", window {}", q.window);
  out.flops = models::flops(q).value();
  out.bytes = models::bytes(q).value();
}

void describe(const models::MoeQuery& q, ScoredKernel& out) {
  out.kind = "moe";
  out.precision = std::string(to_text(q.format));
  out.shape =
      fmt::format("{} tokens, {} x {}, top {} of {}, tp {} ep {}, skew {:g}", q.tokens, q.hidden,
                  q.intermediate, q.top_k, q.experts, q.tensor_ranks, q.expert_ranks, q.skew);
  out.flops = models::flops(q).value();
  out.bytes = models::bytes(q).value();
}

void describe(const models::MemoryQuery& q, ScoredKernel& out) {
  out.kind = "memory";
  out.precision = std::string(to_text(q.op));
  out.shape = fmt::format("{:.0f} B", q.bytes.value());
  out.bytes = q.bytes.value();
}

void describe(const models::LaunchQuery& q, ScoredKernel& out) {
  out.kind = "launch";
  out.precision = std::string(to_text(q.kind));
}

void describe(const models::CopyQuery& q, ScoredKernel& out) {
  out.kind = "copy";
  out.precision = std::string(to_text(q.direction));
  out.shape = fmt::format("{:.0f} B", q.bytes.value());
  out.bytes = q.bytes.value();
}

void describe(const models::FusedAllReduceQuery& q, ScoredKernel& out) {
  out.kind = "all_reduce";
  out.precision = q.dispatch == models::DispatchMode::eager ? "eager" : "graph";
  out.shape = fmt::format("{:.0f} B on {} GPUs", q.bytes.value(), q.gpus);
  out.bytes = q.bytes.value();
}

}  // namespace windtunnel::calibration

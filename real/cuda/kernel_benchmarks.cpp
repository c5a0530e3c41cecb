// GEMM, attention and memory-bound kernels as points of a sweep.
#include "real/cuda/cuda_benchmarks.hpp"
#include "real/cuda/prepared_kernels.hpp"

namespace windtunnel::real {
namespace {

std::string count_text(std::int64_t count) {
  return std::to_string(count);
}

// `kernel` names a family of its own in fits: layouts and libraries are not one surface.
std::string kernel_text(const GpuGemm& gemm) {
  std::string text(to_text(gemm.library));
  if (gemm.layout != GemmLayout::forward) text += " " + std::string(to_text(gemm.layout));
  return text;
}

Point gemm_point(const GpuGemm& gemm, const SharedSession& session) {
  const models::GemmQuery& q = gemm.query;
  Point point;
  point.fields = {{"kind", "gemm"},
                  {"m", count_text(q.m)},
                  {"n", count_text(q.n)},
                  {"k", count_text(q.k)},
                  {"batch", q.batch > 1 ? count_text(q.batch) : ""},
                  {"groups", q.groups > 1 ? count_text(q.groups) : ""},
                  {"precision", std::string(to_text(q.format))},
                  {"layout", std::string(to_text(gemm.layout))},
                  {"kernel", kernel_text(gemm)}};
  point.prepare = [gemm, session] { return prepare_gemm(gemm, *session); };
  return point;
}

Point attention_point(const models::AttentionQuery& q, const SharedSession& session) {
  const bool fused = q.kernel == models::AttentionKernel::fused;
  Point point;
  point.fields = {{"kind", "attention"},
                  {"phase", std::string(to_text(q.phase))},
                  {"implementation", fused ? "fused" : "unfused"},
                  {"batch", count_text(q.batch)},
                  {"heads", count_text(q.heads)},
                  {"kv_heads", count_text(q.kv_heads)},
                  {"head_dim", count_text(q.head_dim)},
                  {"q_len", count_text(q.q_len)},
                  {"kv_len", count_text(q.kv_len)},
                  {"causal", q.mask == models::AttentionMask::causal ? "1" : "0"},
                  {"window", q.window > 0 ? count_text(q.window) : ""},
                  {"precision", std::string(to_text(q.format))},
                  {"kernel", fused ? "windtunnel mma.sync" : "cublaslt and softmax"}};
  point.prepare = [q, session] { return prepare_attention(q, *session); };
  return point;
}

Point memory_point(const GpuMemory& kernel, const SharedSession& session) {
  Point point;
  point.fields = {
      {"kind", "memory"},
      {"op", std::string(models::to_text(kernel.op))},
      {"phase", std::string(to_text(kernel.pass))},
      {"bytes", number_text(traffic(kernel).value())},
      {"rows", count_text(kernel.rows)},
      {"n", count_text(kernel.columns)},
      {"precision", std::string(to_text(kernel.format))},
      {"kernel", kernel.pass == MemoryPass::backward ? "windtunnel backward" : "windtunnel"}};
  point.prepare = [kernel, session] { return prepare_memory(kernel, *session); };
  return point;
}

}  // namespace

std::vector<Benchmark> cuda_gemm_benchmarks(const Selection& selection,
                                            const SharedSession& session) {
  Benchmark out{"gemm", {}};
  for (const GpuGemm& gemm : gpu_gemms(selection)) out.points.push_back(gemm_point(gemm, session));
  return {out};
}

std::vector<Benchmark> cuda_attention_benchmarks(const Selection& selection,
                                                 const SharedSession& session) {
  Benchmark out{"attention", {}};
  for (const models::AttentionQuery& query : gpu_attentions(selection)) {
    out.points.push_back(attention_point(query, session));
  }
  return {out};
}

std::vector<Benchmark> cuda_memory_benchmarks(const Selection& selection,
                                              const SharedSession& session) {
  Benchmark out{"memory", {}};
  for (const GpuMemory& kernel : gpu_memories(selection)) {
    out.points.push_back(memory_point(kernel, session));
  }
  return {out};
}

}  // namespace windtunnel::real

// Warm kernel queries of a shipped profile, and loading it. `of_roofline` of each query is its time
// over that of a bare roofline (one division, one maximum) in the same run: the price of a fitted
// answer, whatever the machine.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/kernel_profile_file.hpp"
#include "models/gpu_library.hpp"

namespace {

using namespace windtunnel;
using Clock = std::chrono::steady_clock;

const models::KernelTimeModel& model() {
  static const auto kModel =
      calibration::kernel_model_for(*models::gpu_named("h100-sxm"), "h100-sxm");
  return *kModel;
}

std::vector<models::GemmQuery> gemms() {
  std::vector<models::GemmQuery> out;
  for (std::int64_t m = 1; m <= 8192; m = m * 2 + 1)
    for (const std::int64_t n : {1536, 4096, 28672}) out.push_back({.m = m, .n = n, .k = 4096});
  return out;
}

std::vector<models::AttentionQuery> attentions(models::AttentionPhase phase) {
  std::vector<models::AttentionQuery> out;
  const bool decode = phase == models::AttentionPhase::decode;
  for (std::int64_t length = 100; length <= 20000; length *= 3)
    for (const std::int64_t batch : {1, 7, 64})
      out.push_back({.phase = phase,
                     .batch = batch,
                     .heads = 32,
                     .kv_heads = 8,
                     .q_len = decode ? 1 : length,
                     .kv_len = length});
  return out;
}

std::vector<models::MoeQuery> moes() {
  std::vector<models::MoeQuery> out;
  for (std::int64_t tokens = 1; tokens <= 8192; tokens = tokens * 3 + 1)
    out.push_back({.tokens = tokens,
                   .hidden = 7168,
                   .intermediate = 2048,
                   .top_k = 8,
                   .experts = 256,
                   .expert_ranks = 8});
  return out;
}

std::vector<models::MemoryQuery> passes() {
  std::vector<models::MemoryQuery> out;
  for (double bytes = 1000; bytes < 1e10; bytes *= 3)
    out.push_back({models::MemoryOp::rms_norm, base::Bytes(bytes), 0});
  return out;
}

std::vector<models::FusedAllReduceQuery> all_reduces() {
  std::vector<models::FusedAllReduceQuery> out;
  for (double bytes = 1000; bytes < 1e9; bytes *= 3)
    out.push_back({8, base::Bytes(bytes), models::DispatchMode::graph});
  return out;
}

// Seconds a call of the bare roofline, best of several passes.
double roofline_seconds() {
  const std::vector<models::GemmQuery> queries = gemms();
  double best = 1.0, sum = 0.0;
  for (int pass = 0; pass < 200; ++pass) {
    const auto start = Clock::now();
    for (const models::GemmQuery& q : queries)
      sum += std::max(models::flops(q).value() / 989e12, models::bytes(q).value() / 3.35e12);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, seconds / static_cast<double>(queries.size()));
  }
  benchmark::DoNotOptimize(sum);
  return best;
}

template <class Query>
void ask(benchmark::State& state, const std::vector<Query>& queries) {
  const models::KernelTimeModel& answers = model();
  std::size_t next = 0;
  const auto start = Clock::now();
  for ([[maybe_unused]] auto iteration : state) {
    benchmark::DoNotOptimize(answers.time(queries[next]));
    next = next + 1 == queries.size() ? 0 : next + 1;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count() /
                         static_cast<double>(state.iterations());
  state.counters["of_roofline"] = seconds / roofline_seconds();
}

void BM_gemm(benchmark::State& state) {
  ask(state, gemms());
}
void BM_attention_context(benchmark::State& state) {
  ask(state, attentions(models::AttentionPhase::context));
}
void BM_attention_decode(benchmark::State& state) {
  ask(state, attentions(models::AttentionPhase::decode));
}
void BM_moe(benchmark::State& state) {
  ask(state, moes());
}
void BM_memory(benchmark::State& state) {
  ask(state, passes());
}
void BM_all_reduce(benchmark::State& state) {
  ask(state, all_reduces());
}
BENCHMARK(BM_gemm);
BENCHMARK(BM_attention_context);
BENCHMARK(BM_attention_decode);
BENCHMARK(BM_moe);
BENCHMARK(BM_memory);
BENCHMARK(BM_all_reduce);

void BM_load_profile(benchmark::State& state) {
  for ([[maybe_unused]] auto iteration : state)
    benchmark::DoNotOptimize(calibration::shipped_kernel_profile("h100-sxm"));
}
BENCHMARK(BM_load_profile)->Unit(benchmark::kMillisecond);

// The profile, the other stacks of the GPU behind it, and every slot bound.
void BM_model_for_gpu(benchmark::State& state) {
  const sim::Gpu gpu = *models::gpu_named("h100-sxm");
  for ([[maybe_unused]] auto iteration : state)
    benchmark::DoNotOptimize(calibration::kernel_model_for(gpu, ""));
}
BENCHMARK(BM_model_for_gpu)->Unit(benchmark::kMillisecond);

}  // namespace

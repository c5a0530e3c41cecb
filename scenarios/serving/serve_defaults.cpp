#include "scenarios/serving/serve_defaults.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "models/gpu_library.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios {
namespace {

std::vector<ServeHarness> make_harnesses() {
  return {
      {.name = "inferencex-vllm",
       .shortest = 0.8,
       .max_batch = 0,
       .memory_fraction = 0.9,
       .narrow_keys = true,
       .source = "InferenceX benchmarks/*_vllm: random-range-ratio 0.8, num-prompts ten times the "
                 "concurrency, all at once, max-num-seqs = concurrency, max-num-batched-tokens "
                 "8192, gpu-memory-utilization 0.9, no prefix caching, kv-cache-dtype fp8"},
      {.name = "inferencex-trtllm",
       .shortest = 0.8,
       .max_batch = 0,
       .order = strategies::ContinuousOrder::no_evict,
       .memory_fraction = 0.85,
       .narrow_keys = true,
       .source =
           "InferenceX benchmarks/*_trt: as above, max_num_tokens 8192 (or one prompt and all "
           "decodes), free_gpu_memory_fraction 0.8 to 0.9, keys fp8, no block reuse"},
      {.name = "inferencex-sglang",
       .shortest = 0.8,
       .max_batch = 0,
       .max_tokens = 32'768,
       .order = strategies::ContinuousOrder::prefill_first,
       .memory_fraction = 0.82,
       .source = "InferenceX benchmarks/dsr1_fp8_h200: as above, chunked-prefill-size 32768, "
                 "mem-fraction-static 0.82, no radix cache"},
      {.name = "inferencex-sglang-blackwell",
       .shortest = 0.8,
       .max_batch = 0,
       .max_tokens = 16'384,
       .order = strategies::ContinuousOrder::prefill_first,
       .polls_seldom = true,
       .memory_fraction = 0.85,
       .narrow_keys = true,
       .source = "InferenceX benchmarks/dsr1_fp4_b200, dsr1_fp8_b200, qwen3.5_fp8_b200: as above, "
                 "chunked-prefill-size 16384 or 32768, scheduler-recv-interval 10 below 16 clients "
                 "and 30 from there, kv-cache-dtype fp8_e4m3, mem-fraction-static 0.82 to 0.85"},
      {.name = "aiconfigurator",
       .shortest = 0.95,
       .max_batch = 0,
       .memory_fraction = 0.9,
       .source =
           "AIConfigurator's own runs (silicon_sample.csv, other lengths), defaults of the engine; "
           "lengths as stated, and a twentieth for what drives equal requests apart"},
      {.name = "aiconfigurator-sglang",
       .shortest = 0.95,
       .max_batch = 0,
       .order = strategies::ContinuousOrder::prefill_first,
       .memory_fraction = 0.85,
       .source = "the same with SGLang, which runs prompts before decodes"},
      {.name = "trtllm-bench",
       .max_batch = 2048,
       .max_tokens = 8192,
       .order = strategies::ContinuousOrder::no_evict,
       .memory_fraction = 0.95,
       .source = "TensorRT-LLM docs, performance overview v0.14 to v1.2: "
                 "infinite request rate, "
                 "max batch 2048, max tokens 8192 (engines built with "
                 "in-flight batching), "
                 "kv_cache_free_gpu_mem_fraction 0.95; GUARANTEED_NO_EVICT"},
      {.name = "gptSessionBenchmark",
       .max_batch = 4096,
       .max_tokens = 8192,
       .memory_fraction = 0.98,
       .source = "TensorRT-LLM docs/source/performance.md v0.5 and v0.6.1: one "
                 "batch run to its end"},
      {.name = "vllm-replay",
       .max_batch = 256,
       .max_tokens = 2048,
       .memory_fraction = 0.9,
       .prefix_caching = true,
       .source = "vLLM defaults of the version that the log names"},
      {.name = "phases",
       .max_batch = 4096,
       .max_tokens = 8192,
       .memory_fraction = 0.9,
       .source = "splitwise-sim perf_model.csv: one batch of equal prompts to "
                 "its end"},
      {.name = "loadgen",
       .max_batch = 1024,
       .max_tokens = 8192,
       .memory_fraction = 0.95,
       .source = "MLPerf Inference v4.1 rules and loadgen"},
  };
}

std::string plain(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) continue;
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return out;
}

}  // namespace

const std::vector<ServeHarness>& serve_harnesses() {
  static const std::vector<ServeHarness> kHarnesses = make_harnesses();
  return kHarnesses;
}

namespace {

const ServeHarness& harness_called(std::string_view name) {
  const std::vector<ServeHarness>& all = serve_harnesses();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const ServeHarness& one) { return one.name == name; });
  base::ensures(found != all.end(), "a harness that the table has");
  return *found;
}

// InferenceX measures these lengths alone.
bool of_inferencex(const ServeRow& row) {
  constexpr std::array<std::pair<std::int64_t, std::int64_t>, 3> kLengths{
      {{1024, 1024}, {1024, 8192}, {8192, 1024}}};
  return row.input && row.output &&
         std::find(kLengths.begin(), kLengths.end(), std::pair(*row.input, *row.output)) !=
             kLengths.end();
}

// The client's benchmark and what it tells each engine.
std::string_view closed_loop_harness(const ServeRow& row) {
  const std::string engine = plain(row.framework);
  const bool sglang = engine.find("sglang") != std::string::npos;
  if (!of_inferencex(row)) return sglang ? "aiconfigurator-sglang" : "aiconfigurator";
  if (engine.find("vllm") != std::string::npos) return "inferencex-vllm";
  if (!sglang) return "inferencex-trtllm";
  const auto gpu = models::gpu_named(gpu_name_of(row.gpu));
  return gpu && gpu->architecture == "blackwell" ? "inferencex-sglang-blackwell"
                                                 : "inferencex-sglang";
}

}  // namespace

const ServeHarness& harness_of(const ServeRow& row) {
  switch (row.run) {
    case ServeRun::closed_loop:
      return harness_called(closed_loop_harness(row));
    case ServeRun::offline:
      return harness_called("trtllm-bench");
    case ServeRun::fixed_batch:
      return harness_called(row.framework == "vllm" ? "phases" : "gptSessionBenchmark");
    case ServeRun::replay:
      return harness_called("vllm-replay");
    default:
      return harness_called("loadgen");
  }
}

std::int64_t poll_steps_of(const ServeHarness& harness, std::int64_t clients) {
  if (!harness.polls_seldom) return 1;
  return clients < 16 ? 10 : 30;
}

std::int64_t offline_requests(std::int64_t input, std::int64_t output) {
  if (input <= 128 && output <= 128) return 30'000;
  if (input >= 20'000) return 1'000;
  return input >= 5'000 || output >= 4'096 || (input >= 2'048 && output >= 2'048) ? 1'500 : 3'000;
}

std::string gpu_name_of(std::string_view text) {
  // Longer spellings first: what stands in the text decides.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 29> kSpellings{{
      {"gh200gracehoppersuperchip144gb", "gh200-144gb"},
      {"gh200", "gh200"},
      {"gb300", "gb300"},
      {"gb200", "gb200"},
      {"b300", "b300-sxm"},
      {"b200", "b200-sxm"},
      {"h200", "h200-sxm"},
      {"h800", "h800-sxm"},
      {"h20", "h20"},
      {"h100nvl", "h100-nvl"},
      {"h100pcie", "h100-pcie"},
      {"h100", "h100-sxm"},
      {"a100sxm40", "a100-sxm-40gb"},
      {"a100pcie", "a100-pcie-80gb"},
      {"a10040gb", "a100-sxm-40gb"},
      {"a100", "a100-sxm-80gb"},
      {"l40s", "l40s"},
      {"l4", "l4"},
      {"rtxpro6000", "rtx-pro-6000"},
      {"rtx4090", "rtx-4090"},
      {"rtx3090", "rtx-3090"},
      {"a40", "a40"},
      {"t4", "t4"},
      {"v100sxm16", "v100-sxm-16gb"},
      {"v100sxm216", "v100-sxm-16gb"},
      {"v100sxm32", "v100-sxm-32gb"},
      {"v100sxm232", "v100-sxm-32gb"},
      {"v100pcie", "v100-pcie-16gb"},
      {"v100", "v100-sxm-16gb"},
  }};
  const std::string name = plain(text);
  if (name.find("mi3") != std::string::npos || name.find("tpu") != std::string::npos) return "";
  for (const auto& [spelling, gpu] : kSpellings) {
    if (name.find(spelling) != std::string::npos) return std::string(gpu);
  }
  return "";
}

}  // namespace windtunnel::scenarios

#include "scenarios/serving/serve_defaults.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace windtunnel::scenarios {
namespace {

std::vector<ServeHarness> make_harnesses() {
  return {
      {.name = "inferencex",
       .shortest = 0.8,
       .requests_a_client = 10,
       .max_batch = 0,
       .max_tokens = 8192,
       .memory_fraction = 0.9,
       .source = "InferenceMAX/InferenceX README (2025): random-range-ratio "
                 "0.8, num-prompts ten "
                 "times the concurrency, max-num-seqs = concurrency, "
                 "max-num-batched-tokens 8192, "
                 "gpu-memory-utilization 0.9, no prefix caching"},
      {.name = "trtllm-bench",
       .max_batch = 2048,
       .max_tokens = 8192,
       .memory_fraction = 0.95,
       .source = "TensorRT-LLM docs, performance overview v0.14 to v1.2: "
                 "infinite request rate, "
                 "max batch 2048, max tokens 8192 (engines built with "
                 "in-flight batching), "
                 "kv_cache_free_gpu_mem_fraction 0.95"},
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

const ServeHarness& harness_of(const ServeRow& row) {
  const std::vector<ServeHarness>& all = serve_harnesses();
  switch (row.run) {
    case ServeRun::closed_loop:
      return all[0];
    case ServeRun::offline:
      return all[1];
    case ServeRun::fixed_batch:
      return row.framework == "vllm" ? all[4] : all[2];
    case ServeRun::replay:
      return all[3];
    default:
      return all[5];
  }
}

const LoadgenModel* loadgen_model(std::string_view name) {
  using base::Seconds;
  using models::NumberFormat;
  static const std::array<LoadgenModel, 10> kModels{{
      {"resnet50", {.e2e = Seconds(0.015)}, false, NumberFormat::int8, 256},
      {"retinanet", {.e2e = Seconds(0.1)}, false, NumberFormat::int8, 16},
      {"bert", {.e2e = Seconds(0.13)}, false, NumberFormat::fp8, 128},
      {"dlrm-v2", {.e2e = Seconds(0.06)}, false, NumberFormat::int8, 16'384},
      {"3d-unet", {}, false, NumberFormat::int8, 8},
      {"stable-diffusion-xl", {.e2e = Seconds(20)}, false, NumberFormat::fp16, 8},
      {"gptj", {.e2e = Seconds(20)}, true, NumberFormat::fp8, 256},
      {"llama2-70b", {.ttft = Seconds(2), .tpot = Seconds(0.2)}, true, NumberFormat::fp8, 1024},
      {"llama3.1-405b", {.ttft = Seconds(6), .tpot = Seconds(0.175)}, true, NumberFormat::fp8, 512},
      {"mixtral-8x7b", {.ttft = Seconds(2), .tpot = Seconds(0.2)}, true, NumberFormat::fp8, 1024},
  }};
  for (const LoadgenModel& one : kModels) {
    if (name.starts_with(one.model)) return &one;
  }
  return nullptr;
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

#include "strategies/serve/step/engine_stack.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::Seconds;

constexpr double kMiB = 1024.0 * 1024.0;
// The host's time for an op of a PyTorch model outside of CUDA graphs, with its modules, views and
// casts: 0.6 to 1.2 ms a layer of about 20 ops, whatever GPU follows (AIConfigurator PR #1166: 0.8 ms).
// Floors of the first token of one short prompt say the same: 70 to 90 ms for 80 layers in vLLM on
// H100 and B200, 35 ms for 36 layers in TensorRT-LLM 1.2; SGLang's are about 2 ms a layer of
// DeepSeek-R1 (InferenceX, 1024 tokens at concurrency 4).
constexpr Seconds kModuleDispatch{50e-6};
constexpr Seconds kSglangDispatch{80e-6};
// A prompt's text to tokens and to the engine's process: 4 to 6 us a token is what a first token of
// 8192 takes longer than one of 1024 where the GPUs need a few ms (InferenceX, gpt-oss-120b on 8 B200).
constexpr Seconds kTokenize{4e-6};

// vLLM's first engine: scheduler, inputs and sampler in one Python process (issues vllm #10511 and
// #2031 for its memory; splitwise-sim's perf_model.csv for eager dispatch on A100 and H100).
EngineStack vllm_v0() {
  return {.name = "vllm-v0",
          .framework = "vllm",
          .description = "vLLM 0.3 to 0.7, first engine",
          .since = 0.03,
          .until = 0.08,
          .graphs = GraphCapture::decode,
          .largest_graph = 256,
          .gap = Seconds(3e-3),
          .gap_sequence = Seconds(30e-6),
          .dispatch = Seconds(10e-6),
          .custom_all_reduce = Bytes(8 * kMiB),
          .context = Bytes(500 * kMiB),
          .communicator = Bytes(1200 * kMiB),
          .request = Seconds(5e-3),
          .request_token = kTokenize,
          .source = "vllm #10511, #2031"};
}

EngineStack vllm_eager() {
  EngineStack stack = vllm_v0();
  stack.name = "vllm-0.2";
  stack.description = "vLLM 0.2 of 2023: eager kernels, NCCL, workers of Ray";
  stack.since = 0.0;
  stack.until = 0.03;
  stack.graphs = GraphCapture::none;
  stack.dispatch = Seconds(28e-6);
  stack.gap_sequence = Seconds(280e-6);  // inputs, sampling and text of each sequence in Python
  stack.custom_all_reduce = Bytes(0);
  stack.source = "splitwise-sim perf_model.csv";
  return stack;
}

// vLLM's second engine: scheduler in its own process, compiled pieces between attention.
EngineStack vllm_v1() {
  return {.name = "vllm-0.12",
          .framework = "vllm",
          .description = "vLLM 0.8 to 0.13, second engine",
          .since = 0.08,
          .until = 0.14,
          .gap = Seconds(1.2e-3),
          .gap_sequence = Seconds(8e-6),
          .dispatch = kModuleDispatch,
          .custom_all_reduce = Bytes(8 * kMiB),
          .context = Bytes(64 * kMiB),
          .communicator = Bytes(1000 * kMiB),
          .request = Seconds(4e-3),
          .request_token = kTokenize,
          .source = "BLIS #482, LLMServingSim PR #59"};
}

EngineStack vllm_async() {
  EngineStack stack = vllm_v1();
  stack.name = "vllm-0.19";
  stack.description = "vLLM from 0.14, asynchronous scheduling";
  stack.since = 0.14;
  stack.until = 1e9;
  stack.overlap = HostOverlap::next_step;
  stack.turn = Seconds(0.8e-3);
  // Logits in 16 and 32 bits; sorted ones with their places (64 bits), probabilities, the draw's noise
  // and its quotient in 32.
  stack.logit_bytes = 34;
  return stack;
}

EngineStack sglang() {
  return {.name = "sglang-0.5",
          .framework = "sglang",
          .description = "SGLang 0.4 and 0.5, overlapped scheduler",
          .since = 0.0,
          .until = 1e9,
          .graphs = GraphCapture::decode,
          .largest_graph = 512,
          .overlap = HostOverlap::next_step,
          .gap = Seconds(1.0e-3),
          .gap_sequence = Seconds(8e-6),
          .turn = Seconds(0.3e-3),
          .dispatch = kSglangDispatch,
          .custom_all_reduce = Bytes(8 * kMiB),
          .memory = MemoryRule::fixed_share,
          .context = Bytes(500 * kMiB),
          .communicator = Bytes(1000 * kMiB),
          .graph_size = Bytes(20 * kMiB),
          .request = Seconds(4e-3),
          .request_token = kTokenize,
          .source = "sglang v0.4 release notes (zero-overhead scheduler)"};
}

EngineStack trtllm_engine(double since, double until, std::string name, std::string description) {
  return {.name = std::move(name),
          .framework = "trtllm",
          .description = std::move(description),
          .since = since,
          .until = until,
          .graphs = GraphCapture::none,
          .overlap = HostOverlap::none,
          .gap = Seconds(0.6e-3),
          .gap_sequence = Seconds(4e-6),
          .dispatch = Seconds(3e-6),
          .custom_all_reduce = Bytes(8 * kMiB),
          .memory = MemoryRule::free,
          .context = Bytes(800 * kMiB),
          .communicator = Bytes(1000 * kMiB),
          .sampler_bytes = 12,
          .logit_bytes = 8,
          .request = Seconds(1e-3),
          .source = "TensorRT-LLM docs, performance/perf-overview"};
}

EngineStack trtllm_pytorch() {
  EngineStack stack = trtllm_engine(0.2, 1e9, "trtllm-1.0", "TensorRT-LLM from 0.20, PyTorch flow");
  stack.eight_bit_attention = true;
  stack.graphs = GraphCapture::decode;
  stack.overlap = HostOverlap::next_step;
  stack.gap = Seconds(1.0e-3);
  // Each request is handled in Python: about 10 us at batches of 2048, where it shows beside the ops
  // of a mixed step (performance overview 1.0, Llama 3.3 70B on 8 B200: 66 ms a step).
  stack.gap_sequence = Seconds(10e-6);
  stack.turn = Seconds(0.2e-3);
  stack.dispatch = kModuleDispatch;
  stack.request = Seconds(4e-3);
  stack.request_token = kTokenize;
  stack.experts = ExpertExchange::all_to_all;
  stack.graph_size = Bytes(20 * kMiB);
  return stack;
}

std::vector<EngineStack> make_stacks() {
  EngineStack compiled =
      trtllm_engine(0.1, 0.2, "trtllm-0.14", "TensorRT-LLM 0.10 to 0.19, compiled engines");
  compiled.overlap = HostOverlap::next_step;
  compiled.turn = Seconds(0.2e-3);
  return {vllm_async(),
          vllm_v1(),
          vllm_v0(),
          vllm_eager(),
          sglang(),
          trtllm_pytorch(),
          compiled,
          trtllm_engine(0.0, 0.1, "trtllm-0.5", "TensorRT-LLM 0.5 to 0.9, compiled engines")};
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string framework_in(const std::string& text) {
  for (const char* name : {"vllm", "sglang", "trtllm"}) {
    if (text.find(name) != std::string::npos) return name;
  }
  for (const char* name : {"tensorrt-llm", "tensorrt llm", "tensorrt_llm", "trt-llm"}) {
    if (text.find(name) != std::string::npos) return "trtllm";
  }
  return {};
}

// "0.19.1" behind the framework's name as major + minor / 100; nothing where there is none, or
// where it is no release (0.1.dev19262).
std::optional<double> version_in(const std::string& text) {
  const std::size_t name =
      std::max({text.rfind("llm") == std::string::npos ? 0 : text.rfind("llm"),
                text.rfind("sglang") == std::string::npos ? std::size_t{0} : text.rfind("sglang")});
  const std::size_t first = text.find_first_of("0123456789", name);
  if (first == std::string::npos || text.find("dev") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const long major = std::strtol(text.c_str() + first, &end, 10);
  const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
  return static_cast<double>(major) + static_cast<double>(minor) / 100.0;
}

}  // namespace

const std::vector<EngineStack>& engine_stacks() {
  static const std::vector<EngineStack> stacks = make_stacks();
  return stacks;
}

std::optional<EngineStack> engine_stack_of(std::string_view text) {
  const std::string words = lower(text);
  for (const EngineStack& stack : engine_stacks()) {
    if (words == stack.name) return stack;
  }
  const std::string framework = framework_in(words);
  if (framework.empty()) return std::nullopt;
  const std::optional<double> version = version_in(words);
  for (const EngineStack& stack : engine_stacks()) {
    if (stack.framework != framework) continue;
    if (!version || (stack.since <= *version && *version < stack.until)) return stack;
  }
  return std::nullopt;
}

std::optional<EngineStack> engine_stack_for(const std::string& software,
                                            const std::string& profile) {
  if (!software.empty()) return engine_stack_of(software);
  if (const auto stack = engine_stack_of(profile)) return stack;
  return engine_stacks().front();
}

EngineStack on_host_of(EngineStack stack, const sim::Gpu& gpu) {
  constexpr double kOlder = 1.45;
  const std::string& age = gpu.architecture;
  if (age != "ampere" && age != "turing" && age != "volta") return stack;
  for (Seconds* time : {&stack.gap, &stack.gap_sequence, &stack.turn, &stack.dispatch, &stack.piece,
                        &stack.request, &stack.request_token}) {
    *time *= kOlder;
  }
  return stack;
}

std::int64_t graph_tokens(std::int64_t tokens, std::int64_t largest) {
  if (tokens > largest) return tokens;
  if (tokens <= 2) return tokens;
  if (tokens <= 4) return 4;
  const std::int64_t step = tokens <= 256 ? 8 : 16;
  return std::min(largest, (tokens + step - 1) / step * step);
}

}  // namespace windtunnel::strategies

#include "strategies/serve/step/engine_stack.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::Seconds;

constexpr double kGiB = 1073741824.0;

std::vector<EngineStack> make_stacks() {
  return {
      {.name = "vllm-0",
       .description = "vLLM before V1 (to 0.8): Python scheduler between steps",
       .gap = Seconds(5e-3),
       .sequence_gap = Seconds(30e-6),
       .launch = Seconds(8e-6),
       .graph_batch = 256,
       .context = Bytes(0.6 * kGiB),
       .group = Bytes(1.0 * kGiB),
       .activation_copies = 3,
       .request = Seconds(5e-3),
       .source = "vLLM V1 announcement (January 2025): CPU overhead of V0; "
                 "serving.md, trap ii"},
      {.name = "vllm-1",
       .description = "vLLM V1 (0.8 to 0.13): scheduler between steps, "
                      "piecewise CUDA graphs",
       .gap = Seconds(1.5e-3),
       .sequence_gap = Seconds(6e-6),
       .launch = Seconds(6e-6),
       .context = Bytes(0.6 * kGiB),
       .group = Bytes(0.8 * kGiB),
       .request = Seconds(4e-3),
       .source = "BLIS #482 (0.5-2 ms scheduler, 1-5 ms preparation); vLLM "
                 "docs, CUDA graphs"},
      {.name = "vllm-1-async",
       .description = "vLLM V1 with asynchronous scheduling (0.14 on)",
       .host = HostWork::beside,
       .gap = Seconds(2.5e-3),
       .sequence_gap = Seconds(8e-6),
       .launch = Seconds(6e-6),
       .context = Bytes(0.6 * kGiB),
       .group = Bytes(0.8 * kGiB),
       .request = Seconds(4e-3),
       .source = "vLLM release notes 0.14 (asynchronous scheduling on by default)"},
      {.name = "sglang",
       .description = "SGLang 0.4 on: overlapped scheduler",
       .host = HostWork::beside,
       .gap = Seconds(2e-3),
       .sequence_gap = Seconds(6e-6),
       .launch = Seconds(6e-6),
       .graph_batch = 512,
       .context = Bytes(0.8 * kGiB),
       .group = Bytes(0.8 * kGiB),
       .graphs = Bytes(1.5 * kGiB),
       .request = Seconds(4e-3),
       .source = "SGLang 0.4 release (zero-overhead batch scheduler); docs, "
                 "server arguments"},
      {.name = "trtllm-engine",
       .description = "TensorRT-LLM engines (to 0.20): C++ runtime, in-flight batching",
       .gap = Seconds(0.8e-3),
       .sequence_gap = Seconds(2e-6),
       .launch = Seconds(3e-6),
       .graph_batch = 1,
       .share = MemoryShare::of_free,
       .context = Bytes(0.8 * kGiB),
       .group = Bytes(0.5 * kGiB),
       .request = Seconds(1e-3),
       .source = "TensorRT-LLM docs: memory usage, batch manager"},
      {.name = "trtllm-torch",
       .description = "TensorRT-LLM on PyTorch (1.0 on): overlap scheduler, CUDA graphs",
       .host = HostWork::beside,
       .gap = Seconds(2e-3),
       .sequence_gap = Seconds(6e-6),
       .launch = Seconds(5e-6),
       .graph_batch = 2048,
       .share = MemoryShare::of_free,
       .context = Bytes(1.0 * kGiB),
       .group = Bytes(0.8 * kGiB),
       .request = Seconds(4e-3),
       .source = "TensorRT-LLM docs 1.0: overlap scheduler, kv_cache_config"},
  };
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return out;
}

// The first "a.b" of a text as a + b / 100; nothing where there is none.
std::optional<double> version_of(const std::string& text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  std::size_t begin = dot;
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(text[begin - 1])) != 0) --begin;
  if (begin == dot) return std::nullopt;
  return std::strtod(text.substr(begin, dot - begin).c_str(), nullptr) +
         std::strtod(
             text.substr(dot + 1, text.find_first_not_of("0123456789", dot + 1) - dot - 1).c_str(),
             nullptr) /
             100.0;
}

}  // namespace

const std::vector<EngineStack>& engine_stacks() {
  static const std::vector<EngineStack> kStacks = make_stacks();
  return kStacks;
}

std::optional<EngineStack> engine_stack_by_name(std::string_view name) {
  for (const EngineStack& stack : engine_stacks()) {
    if (stack.name == name) return stack;
  }
  return std::nullopt;
}

EngineStack engine_stack_of(std::string_view text) {
  if (auto exact = engine_stack_by_name(text)) return *exact;
  const std::string name = lower(text);
  const auto version = version_of(name);
  const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  if (has("sglang")) return *engine_stack_by_name("sglang");
  if (has("trtllm") || has("tensorrt"))
    return *engine_stack_by_name(version && *version < 0.205 ? "trtllm-engine" : "trtllm-torch");
  if (has("vllm") && version && *version < 0.075) return *engine_stack_by_name("vllm-0");
  if (has("vllm") && version && *version < 0.135) return *engine_stack_by_name("vllm-1");
  return *engine_stack_by_name("vllm-1-async");
}

}  // namespace windtunnel::strategies

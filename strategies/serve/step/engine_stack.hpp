// What a serving engine does that a scenario does not say: how it launches kernels, what its host
// costs between steps, what memory it sets aside. A prediction stands for one of these; its name is
// in the result.
//
// Model of a step's host time, n sequences in the step, k kernels:
//   issue = pieces t_piece            where the step replays CUDA graphs
//           k t_dispatch              where it does not (eager, or compiled without a graph)
//   host  = gap + n gap_sequence      scheduling, preparing inputs, sampling's Python, handing tokens
//                                     over to be turned into text
//   total = max(device, issue) + host          the next step is planned after this one
//   total = max(device + turn, host + issue)   overlap: planned while this one runs
// Every figure belongs to an engine version, never to a model or a row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/quantity.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::strategies {

enum class HostOverlap { none, next_step };
// none: all eager; decode: whole steps of decodes alone; mixed: also, piece by piece around
// attention, steps with prompts in them.
enum class GraphCapture { none, decode, mixed };
// What memory_fraction f is a fraction of (M: memory the process sees, W: weights, A: activation
// peak, C: context, communication and graphs):
//   total  f M - W - A - C'        vLLM; graphs are captured afterwards, outside the fraction
//   static f M - W                 SGLang's mem_fraction_static
//   free   f (M - W - A - C)       TensorRT-LLM's kv_cache_free_gpu_memory_fraction
enum class MemoryRule { total, fixed_share, free };
// Of expert ranks that hold different tokens: everyone gets all tokens and the sums are scattered
// back; or a token goes to its experts' ranks alone.
enum class ExpertExchange { gather_scatter, all_to_all };

struct EngineStack {
  std::string name;
  std::string framework;  // as profiles spell it: vllm, sglang, trtllm
  std::string description;
  double since = 0, until = 0;  // versions it stands for, [since, until), as one number (0.19, 1.0)
  GraphCapture graphs = GraphCapture::mixed;
  std::int64_t largest_graph = 512;  // tokens (mixed), sequences (decode)
  HostOverlap overlap = HostOverlap::none;
  base::Seconds gap{0}, gap_sequence{0}, turn{0};
  base::Seconds dispatch{8e-6}, piece{12e-6};
  base::Bytes custom_all_reduce{0};  // largest message of the engine's own kernel; 0: NCCL alone
  ExpertExchange experts = ExpertExchange::gather_scatter;
  MemoryRule memory = MemoryRule::total;
  base::Bytes context{0};          // CUDA context and library workspaces
  base::Bytes communicator{0};     // NCCL and all-reduce buffers where there are several GPUs
  double sampler_bytes = 20;       // moved a logit: 32-bit copy, temperature, softmax, draw, argmax
  double logit_bytes = 40;         // of the sampler's peak, a sequence and vocabulary entry
  base::Bytes graph_size{0};       // of one captured graph size
  base::Seconds request{0};        // of a request before its first step: HTTP, processes' queues
  base::Seconds request_token{0};  // the same a token of its prompt: tokenizing, passing it on
  bool eight_bit_attention = false;  // where weights and keys are 8 bits wide or less
  std::string source;
};

const std::vector<EngineStack>& engine_stacks();
// By name ("vllm-0.19"), or by a text with framework and version ("vllm 0.19.0", "TensorRT-LLM
// 1.0", "h100-sxm-sglang-0.5.14"); a framework without a known version is its newest stack.
std::optional<EngineStack> engine_stack_of(std::string_view text);
// `software` where it is given, else what the kernel profile's name speaks of, else the default.
// Nothing where `software` names no stack.
std::optional<EngineStack> engine_stack_for(const std::string& software,
                                            const std::string& profile);

// Host times of a stack are those of the servers that Hopper came in (Sapphire Rapids, Genoa); older
// GPUs stand in servers whose cores are slower: 1.45 for Ampere's and before (Rome, Ice Lake, Skylake),
// the ratio of vLLM 0.2's eager step on DGX A100 and DGX H100 (splitwise-sim).
EngineStack on_host_of(EngineStack stack, const sim::Gpu& gpu);

// The size that a batch of `tokens` is padded to: 1, 2, 4, then multiples of 8 (of 16 from 256);
// `tokens` where no graph is as large.
std::int64_t graph_tokens(std::int64_t tokens, std::int64_t largest);

}  // namespace windtunnel::strategies

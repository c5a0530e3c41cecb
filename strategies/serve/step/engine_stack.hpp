// What a serving engine does that a strategy does not say: what its host costs
// between steps, which batches it captured as CUDA graphs, what it keeps of the
// memory. A prediction stands for one of these; its name is in the result.
//
// Every figure belongs to the engine and its version, never to a model, a GPU
// or a row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/quantity.hpp"

namespace windtunnel::strategies {

// Whether the host schedules the next step while the device runs this one.
enum class HostWork { between, beside };
// What memory_fraction is a share of: all of the GPU's memory, or what weights
// and activations leave.
enum class MemoryShare { of_gpu, of_free };

struct EngineStack {
  std::string name;  // "vllm-1"
  std::string description;
  HostWork host = HostWork::between;
  base::Seconds gap{0};            // of a step: scheduling, preparing inputs, sampling, output
  base::Seconds sequence_gap{0};   // a running sequence more
  base::Seconds launch{5e-6};      // of a kernel that is in no graph
  std::int64_t graph_batch = 512;  // largest batch that was captured
  std::int64_t graph_step = 8;     // captured batches are 1, 2, 4 and multiples of this
  MemoryShare share = MemoryShare::of_gpu;
  base::Bytes context{0};  // CUDA context, modules and the allocator's slack, a GPU
  base::Bytes group{0};    // buffers of NCCL and custom all-reduce, where there are several GPUs
  base::Bytes graphs{0};   // of captured graphs, where they come out of the KV cache's share
  double activation_copies = 2;  // widest tensors of a layer that live at once
  base::Seconds request{0};      // of a request before its first step: tokenizing,
                                 // queues between processes
  std::string source;
};

const std::vector<EngineStack>& engine_stacks();
std::optional<EngineStack> engine_stack_by_name(std::string_view name);
// The one that a text speaks of ("vllm 0.19.0", "TensorRT-LLM 0.14.0", "sglang
// 0.5.9"); vLLM's latest where it speaks of none.
EngineStack engine_stack_of(std::string_view text);

}  // namespace windtunnel::strategies

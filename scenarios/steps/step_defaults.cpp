#include "scenarios/steps/step_defaults.hpp"

#include <algorithm>

#include "sim/base/contract.hpp"
#include "strategies/train/software_stack.hpp"

namespace windtunnel::scenarios {
namespace {

using models::NumberFormat;

std::vector<StepDefaults> make_defaults() {
  return {
      {.software = "megatron-core",
       .sequence_parallel = true,
       .overlap_data = true,
       .overlap_tensor = true,
       .overlap_pipeline = true,
       .split_experts = true,
       .why =
           "Megatron-LM with Transformer Engine: gradients kept and reduced in fp32, distributed "
           "optimizer with overlapped reduction and gathering, tp-comm-overlap, p2p overlap with "
           "interleaving"},
      {.software = "nemo",
       .sequence_parallel = true,
       .overlap_data = true,
       .overlap_tensor = true,
       .overlap_pipeline = true,
       .split_experts = true,
       .gradients = NumberFormat::bf16,
       .offload_to_fit = true,
       .why = "NeMo recipes: as Megatron-Bridge's, without its communication of experts"},
      {.software = "megatron-bridge",
       .sequence_parallel = true,
       .overlap_data = true,
       .overlap_tensor = true,
       .overlap_pipeline = true,
       .overlap_expert = true,
       .gradients = NumberFormat::bf16,
       .offload_to_fit = true,
       .why =
           "performance recipes: gradients kept and reduced in bf16 (grad_reduce_in_fp32 false), "
           "distributed optimizer with overlapped reduction and gathering, tp-comm-overlap, p2p "
           "overlap with interleaving, moe_a2a_overlap between nodes; with FSDP activations of "
           "some "
           "layers to the host (cpu_offloading_num_layers)"},
      {.software = "megatron-bridge-26.06",
       .sequence_parallel = true,
       .overlap_data = true,
       .overlap_tensor = true,
       .overlap_pipeline = true,
       .overlap_expert = true,
       .overlap_expert_8bit = true,
       .gradients = NumberFormat::bf16,
       .why = "performance recipes of 26.06: as before, and moe_a2a_overlap with 8-bit products"},
      {.software = "megatron-lm-2020",
       .overlap_data = true,
       .gradients = NumberFormat::fp16,
       .why = "Megatron-LM of 2020: PyTorch's DDP, gradients in fp16 reduced beside the backward "
              "pass"},
      {.software = "megatron-lm-2021",
       .gradients = NumberFormat::fp16,
       .bf16_gradients = NumberFormat::fp32,
       .why = "Megatron-LM 2.x: gradients in fp16, of bf16 in fp32, reduced after the last "
              "backward pass, blocking sends"},
      {.software = "megatron-lm-2022",
       .gradients = NumberFormat::fp32,
       .why = "Megatron-LM 3: as 2.x, and gradients summed in the GEMMs, which needs fp32 buffers "
              "(accumulate-allreduce-grads-in-fp32): 18 bytes a parameter"},
      {.software = "megatron-deepspeed",
       .gradients = NumberFormat::fp16,
       .bf16_gradients = NumberFormat::fp32,
       .why = "DeepSpeed pipeline engine: gradients in fp16, with bf16 in fp32 (BF16_Optimizer), "
              "reduced at the end"},
      {.software = "deepspeed-zero3",
       .overlap_data = true,
       .gradients = NumberFormat::fp16,
       .why = "ZeRO-3 with overlap_comm"},
      {.software = "fsdp-compiled",
       .sequence_parallel = true,
       .overlap_data = true,
       .gradients = NumberFormat::fp32,
       .padded_vocabulary = 1,
       .why = "torchtitan: reduce in fp32, gather in bf16, prefetch"},
      {.software = "fsdp-eager",
       .overlap_data = true,
       .gradients = NumberFormat::bf16,
       .padded_vocabulary = 1,
       .why = "FSDP: reduce in bf16, backward prefetch"},
      {.software = "composer-fsdp",
       .overlap_data = true,
       .gradients = NumberFormat::bf16,
       .padded_vocabulary = 1,
       .why = "llm-foundry: mixed_precision PURE, backward prefetch"},
      {.software = "sailor",
       .gradients = NumberFormat::fp32,
       .recompute_to_fit = false,
       .precision = NumberFormat::tf32,
       .why = "Sailor runs Hugging Face layers in fp32 (its memory is 4 bytes an activation, no "
              "dropout masks); products as TF32"},
      {.software = "xla",
       .sequence_parallel = true,
       .overlap_data = true,
       .gradients = NumberFormat::bf16,
       .padded_vocabulary = 1,
       .why = "MaxText: latency-hiding scheduler"},
      {.software = "paxml",
       .sequence_parallel = true,
       .overlap_data = true,
       .gradients = NumberFormat::bf16,
       .padded_vocabulary = 1,
       .why = "PaxML: latency-hiding scheduler"},
  };
}

}  // namespace

const std::vector<StepDefaults>& step_defaults() {
  static const std::vector<StepDefaults> all = make_defaults();
  return all;
}

const StepDefaults& step_defaults_of(std::string_view stack) {
  const std::string name =
      strategies::stack_of_text(stack).value_or(strategies::default_stack()).name;
  const auto& all = step_defaults();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const StepDefaults& one) { return one.software == name; });
  base::ensures(found != all.end(), "every software has its defaults for measured rows");
  return *found;
}

}  // namespace windtunnel::scenarios

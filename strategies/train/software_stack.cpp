#include "strategies/train/software_stack.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace windtunnel::strategies {
namespace {

using base::Seconds;
using models::AttentionKernel;
using models::Form;
using models::Software;

// Megatron's own kernels of 2020 to 2022: scale, mask and softmax in one (up to 2,048 keys, four
// matrices a block), bias with GELU and bias with dropout and residual in one, layer norm of Apex;
// attention as three kernels; the loss in FP32 step by step (mpu/cross_entropy.py).
constexpr Software kMegatron2021{.attention = AttentionKernel::unfused,
                                 .softmax_group = 4,
                                 .softmax_keys = 2048,
                                 .cross_entropy = Form::unfused,
                                 .loss = models::LossKernels::elementwise};
// XLA makes one loop of softmax and one of the loss, of any shape.
constexpr Software kXlaUnfused{.attention = AttentionKernel::unfused};
// Transformer Engine, and compiled PyTorch or XLA: all of it fused.
constexpr Software kFused{};
// Grouped products of MXFP8 experts with activation and casts in them.
constexpr Software kBridge2606{.experts = Form::fused};
// Eager PyTorch modules with a fused attention.
constexpr Software kEager{.norm = Form::unfused,
                          .rotary = Form::unfused,
                          .activation = Form::unfused,
                          .residual = Form::unfused,
                          .cross_entropy = Form::unfused,
                          .projections = Form::unfused,
                          .selective = models::SelectiveRecompute::every_other_product};
// FP8 as torchao's tensorwise dynamic scaling.
constexpr Software kCompiled{.selective = models::SelectiveRecompute::every_other_product,
                             .scaling = models::Scaling::current};

// llm-foundry: layer norm, GELU and q, k, v are one kernel each; training metrics read the logits
// again beside the loss (assumed, and chosen over a fused loss by the Mosaic iterations).
constexpr Software kComposer{
    .rotary = Form::unfused, .residual = Form::unfused, .cross_entropy = Form::unfused};
// Eager modules with attention as products, scale, mask and softmax. What its hosts
// (Grace) take per kernel was fitted to its own measured iterations, plausible range 50 to 120 us.
constexpr Software kEagerUnfused{.attention = AttentionKernel::unfused,
                                 .softmax = Form::unfused,
                                 .activation = Form::unfused,
                                 .residual = Form::unfused,
                                 .cross_entropy = Form::unfused,
                                 .projections = Form::unfused};

// DeepSpeed's ZeRO 1 of 2021-22 reduces bucket by bucket to the owners of its parts and gathers shard
// by shard, each waited for. What a node got out of its NICs: 7.0 GB/s of Omni-Path's 12.5 (BLOOM
// sweep), 13.6 GB/s of HDR's 25 (MT-NLG). That this scales with one NIC is observed on these two
// clusters, the cause is not known; plausible range 0.4 to 0.8.
constexpr double kDeepSpeedNics = 0.55;
// ZeRO 3 of 2021 does a little better: 530 billion parameters take 180 s an iteration on 1,120 and on
// 2,240 A100 alike (arXiv 2104.04473, table 2), 3.2 TB into each node, beside the computation.
constexpr double kZero3Nics = 0.65;

// Of Megatron-Core's all-to-all dispatcher without CUDA graphs. 1 to 3 ms: what SimuMax's iterations of
// DeepSeek on B200 leave over beside their measured kernels is 2 to 2.7 ms a layer and micro-batch; 1.5
// is what those and NVIDIA's Grok-1 iterations on H100 agree on.
constexpr Seconds kExpertCounts(1.5e-3);

// max(40e6, 1e6 x data ranks) elements where the reduction overlaps (core/distributed).
constexpr BucketRule kMegatronBucket{BucketUnit::elements, 40e6, 1e6};
// MegatronCommOverlapConfig of the recipes: 134,217,728 elements.
constexpr BucketRule kRecipeBucket{BucketUnit::elements, 134217728.0};
constexpr BucketRule kDeepSpeedBucket{BucketUnit::elements, 5e8};
// torchtitan's replicate() of 100 MB; FSDP sends its units, layers.
constexpr BucketRule kReplicateBucket{BucketUnit::bytes, 100e6};
constexpr BucketRule kUnits{BucketUnit::layer};
// Megatron-LM before Core: one contiguous buffer of all gradients, reduced after the last pass.
constexpr BucketRule kContiguous{BucketUnit::everything};
// NVIDIA's flags for MaxText and PaxML: all-reduces of up to 128 MiB are combined, reduce-scatters of
// up to 32 MiB (xla_gpu_all_reduce_combine_threshold_bytes and its like).
constexpr BucketRule kXlaAllReduce{BucketUnit::bytes, 134217728.0};
constexpr BucketRule kXlaReduceScatter{BucketUnit::bytes, 33554432.0};

std::vector<SoftwareStack> make_stacks() {
  return {
      {.name = "megatron-core",
       .description = "Megatron-Core with Transformer Engine",
       .forms = kFused,
       .gather = WeightGather::overlapped,
       .bucket = kMegatronBucket,
       .timing = SendTiming::beside,
       .expert_start = Seconds(6e-6),
       .expert_counts = kExpertCounts,
       .source = "Megatron-Core user guide"},
      {.name = "nemo",
       .description = "NeMo 1 and 2: Megatron-Core with Transformer Engine, "
                      "performance recipes",
       .forms = kFused,
       .gather = WeightGather::overlapped,
       .bucket = kRecipeBucket,
       .timing = SendTiming::beside,
       .expert_start = Seconds(6e-6),
       .expert_counts = kExpertCounts,
       .source = "NVIDIA/NeMo, scripts/performance"},
      {.name = "megatron-bridge",
       .description = "Megatron-Bridge of 2025 to 26.04: Megatron-Core, a "
                      "token sent once to a node",
       .forms = kFused,
       .gather = WeightGather::overlapped,
       .bucket = kRecipeBucket,
       .timing = SendTiming::beside,
       .experts = ExpertSends::per_node,
       .expert_start = Seconds(6e-6),
       .expert_counts = kExpertCounts,
       .source = "NVIDIA-NeMo/Megatron-Bridge, performance recipes"},
      {.name = "megatron-bridge-26.06",
       .description = "Megatron-Bridge from 26.06: experts of 8 bits in fused "
                      "grouped products",
       .forms = kBridge2606,
       .gather = WeightGather::overlapped,
       .bucket = kRecipeBucket,
       .timing = SendTiming::beside,
       .experts = ExpertSends::per_node,
       .expert_start = Seconds(6e-6),
       .expert_counts = kExpertCounts,
       .source = "NVIDIA-NeMo/Megatron-Bridge, performance recipes "
                 "(cutedsl_fused_grouped_mlp)"},
      {.name = "megatron-lm-2020",
       .description = "Megatron-LM of 2020 (fp16, Apex), without pipelines, PyTorch's DDP",
       .forms = kMegatron2021,
       .dispatch = Seconds(70e-6),
       .backward_dispatch = Seconds(45e-6),
       .accumulation = Accumulation::separate,
       .source = "arXiv 1909.08053; NVIDIA/Megatron-LM, README of 2020"},
      {.name = "megatron-lm-2021",
       .description = "Megatron-LM of the SC21 and MLSys23 papers (fp16, Apex)",
       .forms = kMegatron2021,
       .dispatch = Seconds(70e-6),
       .backward_dispatch = Seconds(45e-6),
       .bucket = kContiguous,
       .accumulation = Accumulation::separate,
       .source = "arXiv 2104.04473, section 4"},
      {.name = "megatron-lm-2022",
       .description =
           "Megatron-LM 3: sequence parallelism, selective recomputation, gradients summed "
           "in the GEMMs, backward exchanges beside gradients of weights",
       .forms = kMegatron2021,
       .dispatch = Seconds(70e-6),
       .backward_dispatch = Seconds(45e-6),
       .bucket = kContiguous,
       .tensor_backward = TensorBackward::beside_weights,
       .source = "arXiv 2205.05198; NVIDIA/Megatron-LM v3.0"},
      {.name = "megatron-deepspeed",
       .description = "Megatron-DeepSpeed of 2021-22 (BLOOM, MT-NLG, vTrain)",
       .forms = kMegatron2021,
       .dispatch = Seconds(70e-6),
       .backward_dispatch = Seconds(45e-6),
       .step = Seconds(5e-4),
       .bucket = kDeepSpeedBucket,
       .accumulation = Accumulation::converted,
       .ahead = HostAhead::to_exchange,
       .sharded_nics = kDeepSpeedNics,
       .source = "bigscience-workshop/Megatron-DeepSpeed"},
      {.name = "deepspeed-zero3",
       .description = "DeepSpeed ZeRO-3 on Megatron's model code",
       .forms = kMegatron2021,
       .gather = WeightGather::overlapped,
       .bucket = kDeepSpeedBucket,
       .accumulation = Accumulation::separate,
       .sharded_nics = kZero3Nics,
       .source = "arXiv 1910.02054"},
      {.name = "fsdp-compiled",
       .description = "PyTorch FSDP2 with torch.compile (torchtitan)",
       .forms = kCompiled,
       .dispatch = Seconds(15e-6),
       .backward_dispatch = Seconds(10e-6),
       .gather = WeightGather::overlapped,
       .bucket = kReplicateBucket,
       .sharded_bucket = kUnits,
       .timing = SendTiming::beside,
       .attention = AttentionGeneration::flash_2,
       .tensor_hidden = 0.4,  // AsyncTP: 8 to 9 % faster steps on Llama-3 8B and
                              // 70B, torchtitan 2025
       .source = "pytorch/torchtitan"},
      {.name = "fsdp-eager",
       .description = "PyTorch FSDP in eager mode (torchtitan without compile)",
       .forms = kEager,
       .gather = WeightGather::overlapped,
       .sharded_bucket = kUnits,
       .timing = SendTiming::beside,
       .attention = AttentionGeneration::flash_2,
       .source = "pytorch/torchtitan"},
      {.name = "composer-fsdp",
       .description = "Composer with PyTorch FSDP of 2023: eager modules, "
                      "FlashAttention-1 in Triton",
       .forms = kComposer,
       .gather = WeightGather::overlapped,
       .sharded_bucket = kUnits,
       .timing = SendTiming::beside,
       .attention = AttentionGeneration::flash_1,
       .source = "mosaicml/llm-foundry, configurations of 2023"},
      {.name = "sailor",
       .description = "Sailor runtime: Hugging Face layers made tensor-parallel, eager",
       .forms = kEagerUnfused,
       .dispatch = Seconds(90e-6),
       .backward_dispatch = Seconds(58e-6),
       .accumulation = Accumulation::separate,
       .sends = StageSends::whole,
       .source = "eth-easl/sailor"},
      {.name = "xla",
       .description = "JAX with XLA and fused attention (MaxText)",
       .forms = kFused,
       .dispatch = Seconds(1e-6),
       .backward_dispatch = Seconds(1e-6),
       .gather = WeightGather::within_layer,
       .bucket = kXlaAllReduce,
       .sharded_bucket = kXlaReduceScatter,
       .timing = SendTiming::beside,
       .source = "AI-Hypercomputer/maxtext"},
      {.name = "paxml",
       .description = "PaxML: JAX with XLA, attention as products and softmax",
       .forms = kXlaUnfused,
       .dispatch = Seconds(1e-6),
       .backward_dispatch = Seconds(1e-6),
       .gather = WeightGather::within_layer,
       .bucket = kXlaAllReduce,
       .sharded_bucket = kXlaReduceScatter,
       .timing = SendTiming::beside,
       .source = "google/paxml, 2023 containers"},
  };
}

// Longest first: the first that a text contains counts.
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kWords{{
    {"sailor", "sailor"},
    {"megatron-core", "megatron-core"},
    {"megatron-bridge", "megatron-bridge"},
    {"megatron-deepspeed", "megatron-deepspeed"},
    {"+ te ", "megatron-core"},
    {"megatron-lm", "megatron-lm-2021"},
    {"deepspeed zero", "deepspeed-zero3"},
    {"nemo", "nemo"},
    {"torchtitan", "fsdp-compiled"},
    {"composer", "composer-fsdp"},
    {"fsdp", "fsdp-eager"},
    {"maxtext", "xla"},
    {"paxml", "paxml"},
    {"jax", "xla"},
    {"primus",
     "megatron-core"},  // AMD's trainer, on Megatron-LM unless it says torchtitan or MaxText
}};

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

}  // namespace

double accumulation_bytes(Accumulation accumulation, double weight, double gradient) {
  if (accumulation == Accumulation::fused) return 0.0;
  const bool copied = accumulation == Accumulation::converted && gradient > weight;
  return copied ? 2.0 * weight + 4.0 * gradient : weight + 2.0 * gradient;
}

const std::vector<SoftwareStack>& software_stacks() {
  static const std::vector<SoftwareStack> stacks = make_stacks();
  return stacks;
}

const SoftwareStack& default_stack() {
  return software_stacks().front();
}

std::optional<SoftwareStack> stack_by_name(std::string_view name) {
  for (const SoftwareStack& stack : software_stacks())
    if (stack.name == name) return stack;
  return std::nullopt;
}

std::optional<SoftwareStack> stack_of_text(std::string_view text) {
  if (auto exact = stack_by_name(text)) return exact;
  const std::string words = lower_case(text);
  for (const auto& [part, name] : kWords)
    if (words.find(part) != std::string::npos) return stack_by_name(name);
  return std::nullopt;
}

}  // namespace windtunnel::strategies

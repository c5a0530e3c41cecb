#include "strategies/train/memory_conventions.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace windtunnel::strategies {
namespace {

using base::Bytes;

constexpr double kMiB = 1048576.0;
// Contexts. CUDA 11 loads every kernel of every library at start, CUDA 12 those that are used.
constexpr Bytes kEagerContext{1300 * kMiB};
constexpr Bytes kLazyContext{600 * kMiB};
// PyTorch's and Transformer Engine's cuBLAS workspaces: 32 MiB each since Hopper, 8 MiB before.
constexpr Bytes kScratch{64 * kMiB};
constexpr Bytes kSmallScratch{16 * kMiB};
// Of Megatron-LM's reserved over allocated peaks on B200 (shared table simumax_b200): 11 to 41 % of
// the activations, 20 % in the median; what does not heal is assumed.
constexpr double kFragmentation = 0.04;
constexpr double kSlack = 0.2;
constexpr double kExpandable = 0.02;

constexpr MemoryConventions kMegatronCore{.logit = 2,
                                          .placeholders = Placeholders::one_a_shape,
                                          .context = kLazyContext,
                                          .scratch = kScratch,
                                          .fragmentation = kFragmentation,
                                          .slack = kSlack};
constexpr MemoryConventions kMegatron2021{.logit = 10,
                                          .context = kEagerContext,
                                          .scratch = kSmallScratch,
                                          .fragmentation = kFragmentation,
                                          .slack = kSlack};
constexpr MemoryConventions kDeepSpeedFp16{.step_copies = 6,
                                           .whole_step_copies = 4,
                                           .logit = 10,
                                           .bucket = Bytes(5e8 * 2),
                                           .groups = Groups::deepspeed,
                                           .context = kEagerContext,
                                           .scratch = kSmallScratch,
                                           .fragmentation = kFragmentation,
                                           .slack = kSlack};
constexpr MemoryConventions kDeepSpeedBf16{.copies = 2,
                                           .logit = 10,
                                           .bucket = Bytes(5e8 * 4),
                                           .groups = Groups::deepspeed,
                                           .context = kEagerContext,
                                           .scratch = kSmallScratch,
                                           .fragmentation = kFragmentation,
                                           .slack = kSlack,
                                           .static_slack = 0.12};
constexpr MemoryConventions kDeepSpeedZero3{.logit = 10,
                                            .bucket = Bytes(5e8 * 2),
                                            .live_parameters = 1e9,
                                            .context = kEagerContext,
                                            .scratch = kSmallScratch,
                                            .fragmentation = kFragmentation,
                                            .slack = kSlack};
// torchtitan runs with expandable segments, which do not fragment.
constexpr MemoryConventions kFsdp{.logit = 12,
                                  .shard = Shard::master_alone,
                                  .context = kLazyContext,
                                  .scratch = kScratch,
                                  .fragmentation = kExpandable,
                                  .slack = kExpandable};
// FlashAttention's cross entropy on 16-bit logits, whose gradient takes their place; metrics hold them.
constexpr MemoryConventions kComposer{.logit = 4,
                                      .shard = Shard::master_alone,
                                      .context = kLazyContext,
                                      .scratch = kScratch,
                                      .fragmentation = kFragmentation,
                                      .slack = kSlack};
constexpr MemoryConventions kEager{.logit = 12,
                                   .context = kLazyContext,
                                   .scratch = kScratch,
                                   .fragmentation = kFragmentation,
                                   .slack = kSlack};
// XLA plans its buffers before it runs: no allocator that fragments.
constexpr MemoryConventions kXla{.logit = 6,
                                 .shard = Shard::master_alone,
                                 .context = kLazyContext,
                                 .scratch = kScratch,
                                 .fragmentation = 0.02,
                                 .slack = 0.02};

struct Row {
  std::string_view software;
  MemoryConventions conventions;
};
constexpr std::array<Row, 12> kRows{{
    {"megatron-core", kMegatronCore},
    {"nemo", kMegatronCore},
    {"megatron-bridge", kMegatronCore},
    {"megatron-lm-2020", kMegatron2021},
    {"megatron-lm-2021", kMegatron2021},
    {"megatron-lm-2022", kMegatron2021},
    {"deepspeed-zero3", kDeepSpeedZero3},
    {"fsdp-compiled", kFsdp},
    {"fsdp-eager", kFsdp},
    {"composer-fsdp", kComposer},
    {"xla", kXla},
    {"paxml", kXla},
}};

}  // namespace

MemoryConventions memory_conventions(const SoftwareStack& stack, models::NumberFormat precision) {
  if (stack.name == "megatron-deepspeed") {
    return precision == models::NumberFormat::fp16 ? kDeepSpeedFp16 : kDeepSpeedBf16;
  }
  const auto found = std::find_if(kRows.begin(), kRows.end(),
                                  [&](const Row& row) { return row.software == stack.name; });
  return found == kRows.end() ? kEager : found->conventions;
}

}  // namespace windtunnel::strategies

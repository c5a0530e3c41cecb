// Generations of attention kernels: what a software stack of some year reaches.
#include "strategies/train/attention_generation.hpp"

#include <gtest/gtest.h>

#include "strategies/train/software_stack.hpp"

namespace windtunnel::strategies {
namespace {

TEST(AttentionGenerations, ALaterGenerationIsNeverSlower) {
  for (const auto* architecture : {"volta", "ampere", "ada", "hopper", "blackwell"}) {
    for (const auto direction : {AttentionDirection::forward, AttentionDirection::backward}) {
      const double first = attention_ceiling(AttentionGeneration::flash_1, direction, architecture);
      const double second =
          attention_ceiling(AttentionGeneration::flash_2, direction, architecture);
      const double today = attention_ceiling(AttentionGeneration::current, direction, architecture);
      EXPECT_GT(first, 0.0) << architecture;
      EXPECT_LT(first, second) << architecture;
      EXPECT_LT(second, today) << architecture;
      EXPECT_EQ(today, 1.0) << "nothing bounds what the profiles hold";
    }
  }
}

TEST(AttentionGenerations, BackwardReachesLessThanForward) {
  for (const auto generation : {AttentionGeneration::flash_1, AttentionGeneration::flash_2}) {
    for (const auto* architecture : {"ampere", "hopper"}) {
      EXPECT_LT(attention_ceiling(generation, AttentionDirection::backward, architecture),
                attention_ceiling(generation, AttentionDirection::forward, architecture));
    }
  }
}

TEST(AttentionGenerations, StacksOf2023RunTheFirstAndThoseOf2024TheSecond) {
  EXPECT_EQ(stack_of_text("Composer + PyTorch FSDP1")->attention, AttentionGeneration::flash_1);
  EXPECT_EQ(stack_of_text("torchtitan 9dec370")->attention, AttentionGeneration::flash_2);
  EXPECT_EQ(stack_of_text("NeMo 25.04")->attention, AttentionGeneration::current);
  EXPECT_EQ(stack_of_text("Sailor runtime (Megatron-DeepSpeed based)")->name, "sailor");
}

}  // namespace
}  // namespace windtunnel::strategies

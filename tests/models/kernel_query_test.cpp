// Work of kernel queries against counts made by hand or by brute force.
#include "models/kernels/kernel_query.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

namespace windtunnel::models {
namespace {

TEST(KernelQuery, GemmCountsTwoOperationsAMultiplyAdd) {
  const GemmQuery q{.m = 3, .n = 5, .k = 7, .batch = 2};
  EXPECT_DOUBLE_EQ(flops(q).value(), 2.0 * 3 * 5 * 7 * 2);
  EXPECT_DOUBLE_EQ(bytes(q).value(), 2.0 * 2 * (3 * 7 + 7 * 5 + 3 * 5));
}

// Pairs counted one by one: query i sits at position kv_len - q_len + i.
std::int64_t pairs_one_by_one(const AttentionQuery& q) {
  std::int64_t pairs = 0;
  for (std::int64_t i = 0; i < q.q_len; ++i) {
    const std::int64_t position = q.kv_len - q.q_len + i;
    const std::int64_t seen = position + 1;
    pairs += q.window > 0 ? std::min(seen, q.window) : seen;
  }
  return pairs;
}

TEST(KernelQuery, CausalAttentionCountsThePairsThatRemain) {
  for (const std::int64_t q_len : {1, 2, 7, 16}) {
    for (const std::int64_t before : {0, 1, 9, 40}) {
      for (const std::int64_t window : {0, 1, 4, 12, 100}) {
        const AttentionQuery q{
            .heads = 2, .head_dim = 8, .q_len = q_len, .kv_len = q_len + before, .window = window};
        EXPECT_DOUBLE_EQ(flops(q).value(),
                         static_cast<double>(2 * 2 * pairs_one_by_one(q) * (8 + 8)))
            << q_len << " + " << before << " window " << window;
      }
    }
  }
}

TEST(KernelQuery, FullMaskIsTwiceTheCausalTriangleLessTheDiagonal) {
  AttentionQuery q{.head_dim = 64, .q_len = 128, .kv_len = 128};
  const double causal = flops(q).value();
  q.mask = AttentionMask::full;
  EXPECT_DOUBLE_EQ(flops(q).value() * (128 + 1) / 2 / 128, causal);
}

TEST(KernelQuery, DecodeReadsTheCacheOfItsKeyValueHeadsOnce) {
  const AttentionQuery one{
      .phase = AttentionPhase::decode, .heads = 32, .kv_heads = 1, .kv_len = 100000};
  AttentionQuery eight = one;
  eight.kv_heads = 8;
  const double cache = 2.0 * 100000 * 128 * 2;
  EXPECT_DOUBLE_EQ(bytes(eight).value() - bytes(one).value(), 7 * cache);
}

TEST(KernelQuery, LatentAttentionKeepsOneRowAToken) {
  const AttentionQuery q{.phase = AttentionPhase::decode,
                         .heads = 128,
                         .kv_heads = 1,
                         .head_dim = 576,
                         .value_dim = 512,
                         .kv_len = 1000};
  EXPECT_DOUBLE_EQ(bytes(q).value(), 1000 * 576 * 2.0 + 128 * (576 + 512) * 2.0);
}

TEST(KernelQuery, MoeOfOneExpertIsAGatedMlp) {
  const MoeQuery q{.tokens = 10, .hidden = 64, .intermediate = 32};
  EXPECT_DOUBLE_EQ(flops(q).value(), 2.0 * 10 * 3 * 64 * 32);
  EXPECT_NEAR(bytes(q).value(), 3 * 64 * 32 * 2.0 + 10 * (64 * 4.0 + 3 * 32 * 2.0), 1e-6);
}

TEST(KernelQuery, ManyTokensHitEveryExpertAndOneTokenItsTopK) {
  MoeQuery q{.tokens = 1, .hidden = 1024, .intermediate = 1024, .top_k = 4, .experts = 64};
  const double expert = 3 * 1024.0 * 1024 * 2;
  const double activations = 4 * (1024 * 4.0 + 3 * 1024 * 2.0);
  EXPECT_NEAR(bytes(q).value(), 4 * expert + activations, 1e-6 * expert);
  q.tokens = 100000;
  EXPECT_NEAR(bytes(q).value() - 100000 * activations, 64 * expert, 1e-6 * expert);
}

TEST(NumberFormat, NamesAreReadBackAndUnique) {
  std::set<std::string> names;
  for (const NumberFormat format : all_number_formats()) {
    EXPECT_EQ(number_format_from(to_text(format)), format);
    EXPECT_TRUE(names.emplace(to_text(format)).second);
  }
  EXPECT_EQ(number_format_from("bfloat16"), NumberFormat::bf16);
  EXPECT_FALSE(number_format_from("float7").has_value());
}

}  // namespace
}  // namespace windtunnel::models

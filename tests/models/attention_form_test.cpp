// Laws of the attention forms: bounds, monotony, what is shared and what is not, folds.
#include "models/kernels/attention_form.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "models/gpu_library.hpp"

namespace windtunnel::models {
namespace {

struct Case {
  sim::Gpu gpu;
  AttentionDevice device;
  AttentionDefaults defaults;
};

std::vector<Case> every_gpu() {
  std::vector<Case> cases;
  for (const std::string& name : gpu_names()) {
    const sim::Gpu gpu = *gpu_named(name);
    cases.push_back({gpu, attention_device(gpu, NumberFormat::bf16),
                     default_attention_parameters(gpu, NumberFormat::bf16)});
  }
  return cases;
}

double time_of(const Case& c, const AttentionQuery& q) {
  switch (q.phase) {
    case AttentionPhase::decode:
      return decode_time(q, c.defaults.decode, c.device);
    case AttentionPhase::backward:
      return backward_time(q, c.defaults.context, c.device);
    case AttentionPhase::context:
      break;
  }
  return context_time(q, c.defaults.context, c.device);
}

AttentionQuery context(std::int64_t batch, std::int64_t heads, std::int64_t length) {
  AttentionQuery q;
  q.batch = batch;
  q.heads = q.kv_heads = heads;
  q.q_len = q.kv_len = length;
  return q;
}

AttentionQuery decode(std::int64_t batch, std::int64_t heads, std::int64_t kv_heads,
                      std::int64_t keys) {
  AttentionQuery q;
  q.phase = AttentionPhase::decode;
  q.batch = batch;
  q.heads = heads;
  q.kv_heads = kv_heads;
  q.kv_len = keys;
  return q;
}

TEST(AttentionForm, IsNeverFasterThanTheProductsAtPeakOrTheCacheAtTheMemorysBandwidth) {
  for (const Case& c : every_gpu()) {
    for (const std::int64_t length : {1, 100, 2048, 32768}) {
      for (const std::int64_t batch : {1, 16}) {
        for (const AttentionQuery& q : {context(batch, 32, length), decode(batch, 64, 8, length)}) {
          EXPECT_GE(time_of(c, q), attention_least_time(q, c.device))
              << c.gpu.name << " " << length;
        }
      }
    }
  }
}

TEST(AttentionForm, RisesWithBatchHeadsQueriesAndKeys) {
  for (const Case& c : every_gpu()) {
    for (const bool decodes : {false, true}) {
      AttentionQuery q = decodes ? decode(4, 32, 8, 4096) : context(4, 32, 1000);
      const auto rises = [&](std::int64_t AttentionQuery::*what) {
        AttentionQuery grown = q;
        double before = time_of(c, grown);
        for (int step = 0; step < 5; ++step) {
          grown.*what *= 2;
          grown.kv_len = std::max(grown.kv_len, grown.q_len);
          const double after = time_of(c, grown);
          EXPECT_GE(after, before * (1 - 1e-12)) << c.gpu.name;
          before = after;
        }
      };
      rises(&AttentionQuery::batch);
      rises(&AttentionQuery::heads);
      rises(&AttentionQuery::kv_len);
      if (!decodes) rises(&AttentionQuery::q_len);
    }
  }
}

TEST(AttentionForm, AWindowNeverMakesItSlower) {
  for (const Case& c : every_gpu()) {
    for (const std::int64_t keys : {64, 129, 1000, 8192, 100000}) {
      for (const std::int64_t window : {1, 64, 128, 1024, 4096, 1000000}) {
        for (AttentionQuery q : {context(2, 16, keys), decode(8, 64, 8, keys)}) {
          const double whole = time_of(c, q);
          q.window = window;
          EXPECT_LE(time_of(c, q), whole * (1 + 1e-12)) << c.gpu.name << keys << " " << window;
        }
      }
    }
  }
}

TEST(AttentionForm, LongContextApproachesTheRateOfItsPairs) {
  // Twice the length has four times the pairs; launch and loads are below 4 % at 64k tokens.
  for (const Case& c : every_gpu()) {
    const double ratio = time_of(c, context(1, 32, 131072)) / time_of(c, context(1, 32, 65536));
    EXPECT_NEAR(ratio, 4.0, 0.15) << c.gpu.name;
  }
}

TEST(AttentionForm, DecodeTrafficIsThatOfTheKeyValueHeads) {
  // Long caches stream: a quarter of the kv heads, a quarter of the time (launch aside).
  for (const Case& c : every_gpu()) {
    const double launch = c.defaults.decode.launch + c.defaults.decode.split;
    const double eight = time_of(c, decode(32, 32, 8, 65536)) - launch;
    const double two = time_of(c, decode(32, 32, 2, 65536)) - launch;
    EXPECT_NEAR(eight / two, 4.0, 0.2) << c.gpu.name;
  }
}

TEST(AttentionForm, ACacheOfHalfTheBytesDecodesFasterButNeverMoreThanTwice) {
  for (const Case& c : every_gpu()) {
    AttentionQuery q = decode(64, 32, 8, 32768);
    const double wide = time_of(c, q) - c.defaults.decode.launch;
    q.kv_format = NumberFormat::fp8;
    const double gain = wide / (time_of(c, q) - c.defaults.decode.launch);
    EXPECT_GT(gain, 1.2) << c.gpu.name;
    EXPECT_LE(gain, 2.0) << c.gpu.name;
  }
}

TEST(AttentionForm, MlaDecodeOfManyHeadsIsBoundByItsProducts) {
  // DeepSeek-V3 absorbed: 128 heads share one latent; bytes alone would take a fraction.
  const sim::Gpu gpu = *gpu_named("h800-sxm");
  const AttentionDevice device = attention_device(gpu, NumberFormat::bf16);
  const auto defaults = default_attention_parameters(gpu, NumberFormat::bf16);
  AttentionQuery q = decode(64, 128, 1, 16384);
  q.head_dim = 576;
  q.value_dim = 512;
  // FlashMLA on H800, InferSim: 619.0 us; the default form was set by these tables: 20 %.
  EXPECT_NEAR(decode_time(q, defaults.decode, device), 619.0e-6, 0.2 * 619.0e-6);
}

TEST(AttentionForm, OddHeadSizesCostTheProductsOfTheSizeTheyArePaddedTo) {
  EXPECT_EQ(padded_head_dim(64), 64);
  EXPECT_EQ(padded_head_dim(80), 96);
  EXPECT_EQ(padded_head_dim(108), 128);
  EXPECT_EQ(padded_head_dim(128), 128);
  EXPECT_EQ(padded_head_dim(160), 192);
  EXPECT_EQ(padded_head_dim(576), 576);
  const Case c = every_gpu().front();
  AttentionQuery odd = context(2, 16, 8192), even = odd;
  odd.head_dim = 108;
  even.head_dim = 128;
  EXPECT_LE(time_of(c, odd), time_of(c, even));
  EXPECT_GT(time_of(c, odd), 0.95 * time_of(c, even));
}

TEST(AttentionForm, BackwardTakesTwoAndAHalfTimesTheProductsAtItsOwnRate) {
  for (const Case& c : every_gpu()) {
    AttentionQuery q = context(4, 32, 16384);
    const double forward = time_of(c, q);
    q.phase = AttentionPhase::backward;
    EXPECT_NEAR(time_of(c, q) / forward, kBackwardFlops / kBackwardRate, 0.05) << c.gpu.name;
  }
}

TEST(AttentionForm, APrefixCostsItsPairsButNotItsQueries) {
  for (const Case& c : every_gpu()) {
    AttentionQuery chunk = context(4, 32, 2048);
    const double alone = time_of(c, chunk);
    chunk.kv_len = 32768;
    const double after_prefix = time_of(c, chunk);
    const double whole = time_of(c, context(4, 32, 32768));
    EXPECT_GT(after_prefix, alone);
    EXPECT_LT(after_prefix, whole);
  }
}

TEST(UnfusedAttention, HasTheFlopsOfTheFusedKernelOnTheFullSquare) {
  AttentionQuery q = context(3, 16, 1024);
  q.mask = AttentionMask::full;
  for (const AttentionPhase phase : {AttentionPhase::context, AttentionPhase::backward}) {
    q.phase = phase;
    const UnfusedAttention parts = expand_unfused(q, AttentionDropout::none);
    double sum = 0;
    for (const GemmQuery& product : parts.products) sum += flops(product).value();
    // Unfused backward keeps P, so it saves the fifth product: 2 times the forward, not 2.5.
    const double expected =
        phase == AttentionPhase::backward ? flops(q).value() * 2 / 2.5 : flops(q).value();
    EXPECT_DOUBLE_EQ(sum, expected);
  }
}

TEST(UnfusedAttention, MovesTheScoresThroughMemory) {
  AttentionQuery q = context(1, 2, 512);
  const double scores = 2.0 * 512 * 512;
  const UnfusedAttention plain = expand_unfused(q, AttentionDropout::none);
  ASSERT_EQ(plain.passes.size(), 1U);
  EXPECT_DOUBLE_EQ(plain.passes[0].bytes.value(), scores * 2 * 2);  // read and written, 16 bits
  EXPECT_EQ(plain.passes[0].rows, 2 * 512);
  const UnfusedAttention dropped = expand_unfused(q, AttentionDropout::applied);
  ASSERT_EQ(dropped.passes.size(), 2U);
  EXPECT_DOUBLE_EQ(dropped.passes[1].bytes.value(), scores * (2 + 2 + 1));
}

TEST(FoldDecodeBatch, KeepsTheSumOfKeysAndNeverDropsAny) {
  const AttentionQuery shape = decode(1, 32, 8, 1);
  const std::vector<std::int64_t> lengths{1, 100, 1000, 16384};
  const AttentionQuery folded = fold_decode_batch(shape, lengths);
  const std::int64_t sum = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  EXPECT_EQ(folded.batch, 4);
  EXPECT_GE(folded.batch * folded.kv_len, sum);
  EXPECT_LT(folded.batch * (folded.kv_len - 1), sum);
}

TEST(FoldDecodeBatch, OfEqualLengthsIsTheUniformBatch) {
  const AttentionQuery shape = decode(1, 32, 8, 1);
  const AttentionQuery folded = fold_decode_batch(shape, std::vector<std::int64_t>(7, 777));
  EXPECT_EQ(folded.batch, 7);
  EXPECT_EQ(folded.kv_len, 777);
}

TEST(FoldDecodeBatch, CountsOnlyTheKeysInsideAWindow) {
  AttentionQuery shape = decode(1, 64, 8, 1);
  shape.window = 128;
  EXPECT_EQ(fold_decode_batch(shape, std::vector<std::int64_t>{64, 100000}).kv_len, 96);
}

TEST(FoldMixedBatch, GroupsEqualChunksAndFoldsDecodes) {
  const std::vector<ChunkLengths> step{{512, 512}, {1, 900}, {512, 512}, {512, 2048}, {1, 100}};
  const MixedBatch mixed = fold_mixed_batch(context(1, 32, 1), step);
  ASSERT_EQ(mixed.context.size(), 2U);
  EXPECT_EQ(mixed.context[0].batch, 2);
  EXPECT_EQ(mixed.context[1].kv_len, 2048);
  ASSERT_EQ(mixed.decode.size(), 1U);
  EXPECT_EQ(mixed.decode[0].batch, 2);
  EXPECT_EQ(mixed.decode[0].kv_len, 500);
}

}  // namespace
}  // namespace windtunnel::models

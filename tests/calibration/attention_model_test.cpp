// A fitted attention component: what it learns from rows made of the form itself, its bounds, bands
// and flags.
#include "calibration/kernels/attention_model.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "calibration/kernels/attention_hold_out.hpp"
#include "calibration/kernels/attention_tables.hpp"
#include "models/gpu_library.hpp"

namespace windtunnel::calibration {
namespace {

using models::AttentionPhase;
using models::AttentionQuery;

// Rows of a made-up stack whose kernels are the forms times `factor`.
KernelRows made_rows(const sim::Gpu& gpu, double factor) {
  KernelRows rows;
  rows.sources.push_back({"made", gpu.name, "made 1", "", ""});
  const auto device = models::attention_device(gpu, models::NumberFormat::bf16);
  const auto defaults = models::default_attention_parameters(gpu, models::NumberFormat::bf16);
  for (const std::int64_t batch : {1, 2, 4, 8, 16, 32}) {
    for (const std::int64_t heads : {4, 8, 16, 32}) {
      for (const std::int64_t length : {16, 128, 512, 1024, 2048, 4096, 8192}) {
        AttentionQuery q;
        q.batch = batch;
        q.heads = heads;
        q.kv_heads = 4;
        q.kv_len = q.q_len = length;
        rows.attention.push_back(
            {q, base::Seconds(factor * models::context_time(q, defaults.context, device)), 0, 1});
        q.phase = AttentionPhase::decode;
        q.q_len = 1;
        rows.attention.push_back(
            {q, base::Seconds(factor * models::decode_time(q, defaults.decode, device)), 0, 1});
      }
    }
  }
  return rows;
}

BoundComponent<AttentionQuery> bound(const std::vector<AttentionComponentFit>& fits,
                                     const std::string& kind, const sim::Gpu& gpu) {
  for (const auto& fit : fits) {
    if (fit.component.kind == kind) return bind_attention(fit.component, gpu);
  }
  return nullptr;
}

class FittedAttentionTest : public ::testing::Test {
 protected:
  const sim::Gpu gpu_ = *models::gpu_named("h100-sxm");
  const KernelRows rows_ = made_rows(gpu_, 1.3);
  const std::vector<AttentionComponentFit> fits_ =
      fit_attention_families(rows_, gpu_, HoldOuts::all);
};

TEST_F(FittedAttentionTest, PredictsWhatItWasFittedToWithinTwoPercent) {
  const auto context = bound(fits_, "attention_context", gpu_);
  const auto decode = bound(fits_, "attention_decode", gpu_);
  ASSERT_TRUE(context && decode);
  for (const auto& row : rows_.attention) {
    const auto& model = row.query.phase == AttentionPhase::decode ? decode : context;
    const models::KernelTime time = model->time(row.query);
    EXPECT_NEAR(time.time / row.time, 1.0, 0.02);
    EXPECT_LE(time.low, time.time);
    EXPECT_GE(time.high, time.time);
    EXPECT_FALSE(time.extrapolated);
  }
}

TEST_F(FittedAttentionTest, HeldOutErrorsAreThoseOfAnExactForm) {
  for (const auto& fit : fits_) {
    for (const FamilyHoldOut& held : fit.held_out) {
      EXPECT_LT(held.error.median, 0.02) << fit.component.kind << " " << held.error.split;
      EXPECT_GT(held.error.inside_band, 0.8);
    }
  }
}

TEST_F(FittedAttentionTest, OutsideItsRangesItWidensAndSaysSo) {
  const auto context = bound(fits_, "attention_context", gpu_);
  AttentionQuery q;
  q.batch = 4;
  q.heads = 16;
  q.kv_heads = 4;
  q.q_len = q.kv_len = 8192;
  const models::KernelTime inside = context->time(q);
  q.q_len = q.kv_len = 131072;
  const models::KernelTime far = context->time(q);
  EXPECT_TRUE(far.extrapolated);
  EXPECT_GT(far.high / far.time, inside.high / inside.time);
  const auto device = models::attention_device(gpu_, q.format);
  EXPECT_GE(far.time.value() * kDeviceTolerance, models::attention_least_time(q, device));
}

TEST_F(FittedAttentionTest, BackwardOfAContextComponentRestsOnTheModel) {
  const auto context = bound(fits_, "attention_context", gpu_);
  AttentionQuery q;
  q.batch = 4;
  q.heads = 16;
  q.kv_heads = 4;
  q.q_len = q.kv_len = 4096;
  const models::KernelTime forward = context->time(q);
  q.phase = AttentionPhase::backward;
  const models::KernelTime backward = context->time(q);
  EXPECT_EQ(backward.basis, models::Basis::model);
  EXPECT_NEAR(backward.time / forward.time, models::kBackwardFlops / models::kBackwardRate, 0.15);
  EXPECT_GT(backward.high / backward.time, forward.high / forward.time);
}

TEST_F(FittedAttentionTest, MlaDecodeTakesTheFormAlone) {
  const auto decode = bound(fits_, "attention_decode", gpu_);
  AttentionQuery q;
  q.phase = AttentionPhase::decode;
  q.batch = 32;
  q.heads = 128;
  q.kv_heads = 1;
  q.head_dim = 576;
  q.value_dim = 512;
  q.kv_len = 8192;
  const models::KernelTime time = decode->time(q);
  EXPECT_EQ(time.basis, models::Basis::model);
  EXPECT_TRUE(time.extrapolated);
}

TEST_F(FittedAttentionTest, SurvivesTheRoundOfItsParametersAndGrids) {
  for (const auto& fit : fits_) {
    const Component copy = fit.component;
    ASSERT_NE(bind_attention(copy, gpu_), nullptr);
    Component broken = copy;
    broken.parameters.erase(broken.parameters.begin());
    EXPECT_EQ(bind_attention(broken, gpu_), nullptr);
    broken = copy;
    broken.kind = "attention_sideways";
    EXPECT_EQ(bind_attention(broken, gpu_), nullptr);
  }
}

TEST(AttentionFit, IsTheSameForRowsInAnyOrder) {
  const sim::Gpu gpu = *models::gpu_named("a100-sxm-80gb");
  KernelRows rows = made_rows(gpu, 1.1), turned = rows;
  std::reverse(turned.attention.begin(), turned.attention.end());
  const auto one = fit_attention_families(rows, gpu, HoldOuts::none);
  const auto other = fit_attention_families(turned, gpu, HoldOuts::none);
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    for (std::size_t p = 0; p < one[i].component.parameters.size(); ++p) {
      EXPECT_NEAR(one[i].component.parameters[p].value / other[i].component.parameters[p].value,
                  1.0, 1e-3);
    }
  }
}

}  // namespace
}  // namespace windtunnel::calibration

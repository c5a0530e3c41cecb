// Points of GEMM, attention and memory-bound kernels on a host stand-in for CUDA: every tensor has its
// place, what a kernel needs is there before it runs, and the checks of the data pass.
#include <gtest/gtest.h>

#include "real/cuda/prepared_kernels.hpp"
#include "tests/real/wiring/fake_cuda.hpp"

namespace windtunnel::real {
namespace {

using models::MemoryOp;
using models::NumberFormat;

class KernelPoints : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    fake::reset(1, GetParam());
    session_.open(0);
  }
  const Session& session() const { return session_; }

 private:
  Session session_;
};

TEST_P(KernelPoints, EveryMemoryKernelRunsOnItsOwnTensors) {
  for (const MemoryOp op :
       {MemoryOp::copy, MemoryOp::fill, MemoryOp::add, MemoryOp::cast, MemoryOp::gelu,
        MemoryOp::swiglu, MemoryOp::residual_dropout, MemoryOp::layer_norm, MemoryOp::rms_norm,
        MemoryOp::softmax, MemoryOp::rotary, MemoryOp::cross_entropy, MemoryOp::optimizer}) {
    for (const MemoryPass pass : {MemoryPass::forward, MemoryPass::backward}) {
      for (const NumberFormat format : {NumberFormat::bf16, NumberFormat::fp32}) {
        const GpuMemory kernel{.op = op, .pass = pass, .rows = 3, .columns = 256, .format = format};
        const Prepared prepared = prepare_memory(kernel, session());
        EXPECT_EQ(prepared.check(), "") << models::to_text(op) << " " << to_text(pass);
        prepared.run(1);
        prepared.run(77);
        session().stream().wait();
      }
    }
  }
}

TEST_P(KernelPoints, FusedAndUnfusedAttentionPassTheirChecks) {
  models::AttentionQuery query{
      .batch = 2, .heads = 4, .kv_heads = 2, .head_dim = 64, .q_len = 10, .kv_len = 10};
  for (const auto phase : {models::AttentionPhase::context, models::AttentionPhase::backward}) {
    query.phase = phase;
    EXPECT_EQ(prepare_attention(query, session()).check(), "");
  }
  models::AttentionQuery unfused{.kernel = models::AttentionKernel::unfused,
                                 .heads = 4,
                                 .kv_heads = 1,
                                 .head_dim = 64,
                                 .q_len = 10,
                                 .kv_len = 17};
  for (const auto mask : {models::AttentionMask::causal, models::AttentionMask::full}) {
    unfused.mask = mask;
    EXPECT_EQ(prepare_attention(unfused, session()).check(), "");
  }
}

TEST_P(KernelPoints, WhatThereIsNoKernelForIsRefusedInWords) {
  const models::AttentionQuery decode{.phase = models::AttentionPhase::decode};
  EXPECT_THROW(prepare_attention(decode, session()), PointRefused);
  EXPECT_THROW(prepare_memory({.op = MemoryOp::sampling}, session()), PointRefused);
  EXPECT_THROW(prepare_memory({.format = NumberFormat::fp8}, session()), PointRefused);
  GpuGemm grouped;
  grouped.query.groups = 8;
  EXPECT_THROW(prepare_gemm(grouped, session()), PointRefused);
}

TEST_P(KernelPoints, EveryLayoutOfAGemmIsCheckedAgainstItsOwnOperands) {
  for (const GemmLayout layout :
       {GemmLayout::forward, GemmLayout::input_gradient, GemmLayout::weight_gradient}) {
    EXPECT_EQ(prepare_gemm({{.m = 17, .n = 40, .k = 64}, layout}, session()).check(), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Orders, KernelPoints, testing::Values(1U, 2U));

}  // namespace
}  // namespace windtunnel::real

// Readers of published MoE tables, and a fit to rows made of the form itself.
#include "calibration/kernels/moe_tables.hpp"

#include <gtest/gtest.h>

#include "calibration/kernels/moe_model.hpp"
#include "models/gpu_library.hpp"

namespace windtunnel::calibration {
namespace {

using models::MoeQuery;

KernelRows read(const std::string& rows) {
  base::Diagnostics diagnostics;
  const NativeTable table = parse_native_table(
      "framework,version,device,op_name,kernel_source,moe_dtype,num_tokens,hidden_size,inter_size,"
      "topk,num_experts,moe_tp_size,moe_ep_size,distribution,latency\n" +
          rows,
      "moe_perf.csv", diagnostics);
  EXPECT_TRUE(is_aiconfigurator_moe(table));
  KernelRows result;
  read_aiconfigurator_moe(table, "moe_perf.csv", result);
  return result;
}

const std::string kH200 = "TRTLLM,1.3.0rc20,NVIDIA H200,moe,";

TEST(MoeTables, ShapesAreOfTheWholeModelAndLatencyIsMilliseconds) {
  const KernelRows rows =
      read(kH200 + "moe_torch_flow_cutlass,fp8_block,64,7168,2048,8,256,2,8,power_law_1.2,0.5\n" +
           kH200 + "moe_torch_flow_nongated,bfloat16,64,2688,1856,6,128,1,1,balanced,0.5\n");
  ASSERT_EQ(rows.moe.size(), 2U);
  const MoeQuery& q = rows.moe[0].query;
  EXPECT_EQ(q.experts, 256);
  EXPECT_EQ(q.tensor_ranks, 2);
  EXPECT_EQ(q.expert_ranks, 8);
  EXPECT_DOUBLE_EQ(q.skew, 1.2);
  EXPECT_EQ(q.format, models::NumberFormat::fp8_block);
  EXPECT_DOUBLE_EQ(rows.moe[0].time.value(), 0.5e-3);
  EXPECT_EQ(rows.moe[1].query.mlp, models::ExpertMlp::plain);
  EXPECT_DOUBLE_EQ(rows.moe[1].query.skew, 0);
}

TEST(MoeTables, WhatCannotBeUsedIsSkippedWithItsLine) {
  const KernelRows rows = read(kH200 + "k,bfloat16,64,7168,2048,8,256,1,1,zipf,0.5\n" + kH200 +
                               "k,int3,64,7168,2048,8,256,1,1,balanced,0.5\n" + kH200 +
                               "k,bfloat16,64,7168,2048,8,256,1,1,balanced,-1\n" + kH200 +
                               "k,bfloat16,64,7168,2048,8,4,1,1,balanced,1\n" + kH200 +
                               "k,bfloat16,16384,7168,2048,8,256,1,1,balanced,0.001\n");
  EXPECT_TRUE(rows.moe.empty());
  ASSERT_EQ(rows.skipped.size(), 5U);
  EXPECT_NE(rows.skipped[0].reason.find("zipf"), std::string::npos);
  EXPECT_NE(rows.skipped[1].reason.find("int3"), std::string::npos);
  EXPECT_NE(rows.skipped[4].reason.find("faster than the device"), std::string::npos);
  EXPECT_EQ(rows.skipped[4].origin.line, 6);
}

TEST(MoeTables, InferSimSumsBothProjections) {
  base::Diagnostics diagnostics;
  const NativeTable table = parse_native_table(
      "num_experts,num_gpus,num_local_experts,topk,hidden_size,intermediate_size,"
      "batch_size_per_gpu,tokens_per_expert,up_proj_us,up_mfu,down_proj_us,down_mfu\n"
      "256,8,32,8,7168,2048,64,16,400.5,0.1,200.25,0.1\n",
      "data.csv", diagnostics);
  ASSERT_TRUE(is_infersim_grouped_gemm(table));
  KernelRows rows;
  read_infersim_grouped_gemm(table, "infersim/grouped_gemm/decode/h800/data.csv", rows);
  ASSERT_EQ(rows.moe.size(), 1U);
  EXPECT_EQ(rows.moe[0].query.tokens, 512);
  EXPECT_EQ(rows.moe[0].query.expert_ranks, 8);
  EXPECT_NEAR(rows.moe[0].time.value(), 600.75e-6, 1e-12);
  EXPECT_EQ(rows.sources[0].gpu, "h800-sxm");
}

KernelRows made_rows(const sim::Gpu& gpu) {
  KernelRows rows;
  rows.sources.push_back({"made", gpu.name, "made 1", "", ""});
  for (const std::int64_t hidden : {2048, 4096, 7168}) {
    for (const std::int64_t experts : {8, 64, 256}) {
      for (const std::int64_t ranks : {1, 8}) {
        for (const std::int64_t tokens : {1, 8, 64, 512, 4096, 16384}) {
          MoeQuery q;
          q.tokens = tokens;
          q.hidden = hidden;
          q.intermediate = 2048;
          q.top_k = 4;
          q.experts = experts;
          q.expert_ranks = ranks;
          const auto device = models::moe_device(gpu, q.format);
          const auto p = models::default_moe_parameters(gpu, q.format).parameters;
          rows.moe.push_back({q, base::Seconds(1.2 * models::moe_time(q, p, device)), 0, 1});
        }
      }
    }
  }
  return rows;
}

TEST(MoeFit, PredictsWhatItWasFittedToAndWidensOutside) {
  const sim::Gpu gpu = *models::gpu_named("h100-sxm");
  const KernelRows rows = made_rows(gpu);
  const auto fits = fit_moe_families(rows, gpu, HoldOuts::all);
  ASSERT_EQ(fits.size(), 1U);
  const auto model = bind_moe(fits[0].component, gpu);
  ASSERT_NE(model, nullptr);
  for (const auto& row : rows.moe) {
    EXPECT_NEAR(model->time(row.query).time / row.time, 1.0, 0.05);
  }
  MoeQuery q = rows.moe.back().query;
  const models::KernelTime inside = model->time(q);
  q.tokens *= 64;
  const models::KernelTime far = model->time(q);
  EXPECT_FALSE(inside.extrapolated);
  EXPECT_TRUE(far.extrapolated);
  EXPECT_GT(far.high / far.time, inside.high / inside.time);
  EXPECT_GT(far.time, inside.time);
}

TEST(MoeFit, TakesTheKernelThatAStackRunsMostAndKeepsOthersByName) {
  const sim::Gpu gpu = *models::gpu_named("h100-sxm");
  KernelRows rows = made_rows(gpu);
  rows.sources[0].kernel = "main";
  rows.sources.push_back({"made", gpu.name, "made 1", "rare", ""});
  const std::size_t count = rows.moe.size();
  for (std::size_t i = 0; i < count; ++i) {
    KernelRow<MoeQuery> row = rows.moe[i];
    if (row.query.hidden == 7168) continue;
    row.source = 1;
    row.time = 3.0 * row.time;
    rows.moe.push_back(row);
  }
  const auto fits = fit_moe_families(rows, gpu, HoldOuts::none);
  ASSERT_EQ(fits.size(), 2U);
  EXPECT_EQ(fits[0].component.kernel, "");
  EXPECT_EQ(fits[1].component.kernel, "rare");
  const auto query = rows.moe[10].query;
  EXPECT_NEAR(bind_moe(fits[0].component, gpu)->time(query).time / rows.moe[10].time, 1.0, 0.06);
}

}  // namespace
}  // namespace windtunnel::calibration

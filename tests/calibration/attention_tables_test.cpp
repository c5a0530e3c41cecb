// Readers of published attention tables: units, counts, and what they refuse.
#include "calibration/kernels/attention_tables.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "models/kernels/attention_form.hpp"

namespace windtunnel::calibration {
namespace {

namespace fs = std::filesystem;
using models::AttentionPhase;

NativeTable table_of(const std::string& text, const std::string& name) {
  base::Diagnostics diagnostics;
  NativeTable table = parse_native_table(text, name, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors());
  return table;
}

const std::string kHead =
    "framework,version,device,op_name,kernel_source,batch_size,isl,num_heads,num_key_value_heads,"
    "head_dim,window_size,beam_width,attn_dtype,kv_cache_dtype,step,latency\n";
const std::string kA100 = "TRTLLM,1.0.0,NVIDIA A100-SXM4-80GB,";

KernelRows read(const std::string& rows) {
  KernelRows result;
  const NativeTable table = table_of(kHead + rows, "perf.csv");
  EXPECT_TRUE(is_aiconfigurator_attention(table));
  read_aiconfigurator_attention(table, "perf.csv", result);
  return result;
}

TEST(AttentionTables, LatencyIsMillisecondsAndDecodeSeesIslPlusStepKeys) {
  const KernelRows rows =
      read(kA100 + "context_attention,torch_flow,4,2048,32,8,128,0,1,bfloat16,bfloat16,0,2.5\n" +
           kA100 + "generation_attention,torch_flow,16,1,32,8,128,0,1,bfloat16,fp8,1023,0.05\n");
  ASSERT_EQ(rows.attention.size(), 2U);
  const auto& context = rows.attention[0].query;
  EXPECT_EQ(context.phase, AttentionPhase::context);
  EXPECT_EQ(context.q_len, 2048);
  EXPECT_EQ(context.kv_len, 2048);
  EXPECT_DOUBLE_EQ(rows.attention[0].time.value(), 2.5e-3);
  const auto& decode = rows.attention[1].query;
  EXPECT_EQ(decode.phase, AttentionPhase::decode);
  EXPECT_EQ(decode.q_len, 1);
  EXPECT_EQ(decode.kv_len, 1024);
  EXPECT_EQ(decode.kv_format, models::NumberFormat::fp8);
  EXPECT_EQ(rows.sources[0].gpu, "a100-sxm-80gb");
  EXPECT_EQ(rows.sources[0].stack, "trtllm 1.0.0");
}

TEST(AttentionTables, ARowFasterThanTheDeviceIsDroppedWithItsLimit) {
  // 4 x 32 heads x 16384^2 / 2 pairs x 512 FLOP = 8.8 TFLOP: 28 ms at 312 TFLOP/s.
  const KernelRows rows =
      read(kA100 + "context_attention,torch_flow,4,16384,32,8,128,0,1,bfloat16,bfloat16,0,10\n" +
           kA100 + "context_attention,torch_flow,4,16384,32,8,128,0,1,bfloat16,bfloat16,0,60\n");
  ASSERT_EQ(rows.attention.size(), 1U);
  EXPECT_DOUBLE_EQ(rows.attention[0].time.value(), 60e-3);
  ASSERT_EQ(rows.skipped.size(), 1U);
  EXPECT_EQ(rows.skipped[0].origin.line, 2);
  EXPECT_NE(rows.skipped[0].reason.find("faster than the device"), std::string::npos);
}

TEST(AttentionTables, CachesThatCannotHaveBeenThatLargeTakeTheLargerOnesAlong) {
  std::string text;
  for (int i = 0; i < 12; ++i) {  // 1.07 GB in 0.2 ms: 5.4 TB/s on a 2 TB/s device
    text +=
        kA100 + "generation_attention,torch_flow,256,1,32,8,128,0,1,bfloat16,bfloat16,1023,0.2\n";
  }
  text += kA100 + "generation_attention,torch_flow,256,1,32,8,128,0,1,bfloat16,bfloat16,2047,1.2\n";
  text += kA100 + "generation_attention,torch_flow,8,1,32,8,128,0,1,bfloat16,bfloat16,1023,0.02\n";
  const KernelRows rows = read(text);
  ASSERT_EQ(rows.attention.size(), 1U);  // the small cache alone is believed
  EXPECT_EQ(rows.attention[0].query.batch, 8);
  EXPECT_EQ(rows.skipped.size(), 13U);
}

TEST(AttentionTables, ARowWithoutATimeOrWithoutCountsIsSkippedWithItsLine) {
  const KernelRows rows =
      read(kA100 + "context_attention,torch_flow,4,2048,32,8,128,0,1,bfloat16,bfloat16,0,nan\n" +
           kA100 + "context_attention,torch_flow,0,2048,32,8,128,0,1,bfloat16,bfloat16,0,1\n" +
           kA100 + "context_attention,torch_flow,1,2048,8,32,128,0,1,bfloat16,bfloat16,0,1\n" +
           kA100 + "context_attention,torch_flow,1,2048,8,8,128,0,1,fp3,bfloat16,0,1\n" + kA100 +
           "cross_attention,torch_flow,1,2048,8,8,128,0,1,bfloat16,bfloat16,0,1\n");
  EXPECT_TRUE(rows.attention.empty());
  ASSERT_EQ(rows.skipped.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(rows.skipped[i].origin.line, static_cast<int>(i) + 2);
}

TEST(AttentionTables, InferSimMlaDecodeIsAbsorbed) {
  const NativeTable table =
      table_of("dtype,kv_dtype,batch_size,kv_len,latency_us,mfu\nbf16,bf16,64,16384,619.0,0.5\n",
               "128-512-64.csv");
  ASSERT_TRUE(is_infersim_attention(table));
  KernelRows rows;
  read_infersim_attention(table, "infersim/mla/decode/h800/128-512-64.csv", rows);
  ASSERT_EQ(rows.attention.size(), 1U);
  const auto& q = rows.attention[0].query;
  EXPECT_EQ(q.heads, 128);
  EXPECT_EQ(q.kv_heads, 1);
  EXPECT_EQ(q.head_dim, 576);
  EXPECT_EQ(q.value_dim, 512);
  EXPECT_EQ(rows.sources[0].gpu, "h800-sxm");
  EXPECT_DOUBLE_EQ(rows.attention[0].time.value(), 619.0e-6);
}

TEST(AttentionTables, ServingStepsAreTakenWhereTheyAreOfOneSort) {
  const NativeTable table = table_of(
      "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n0,0,8,1024,30\n512,2048,0,0,80\n"
      "512,0,8,1024,100\n",
      "attention.csv");
  ASSERT_TRUE(is_step_attention(table));
  KernelRows rows;
  read_step_attention(table, "perf/RTXPRO6000/meta-llama/Llama-3.1-8B/bf16/tp2/attention.csv",
                      rows);
  ASSERT_EQ(rows.attention.size(), 2U);
  EXPECT_EQ(rows.attention[0].query.batch, 8);
  EXPECT_EQ(rows.attention[0].query.heads, 16);  // 32 over two ranks
  EXPECT_EQ(rows.attention[1].query.q_len, 512);
  EXPECT_EQ(rows.attention[1].query.kv_len, 2560);
  EXPECT_EQ(rows.skipped.size(), 1U);
}

TEST(FoldDecodeBatch, OfUnequalLengthsTakesWhatTheMeanBatchTook) {
  const fs::path path = fs::path(WINDTUNNEL_SOURCE_DIR) /
                        "../shared/measurements/ops/llmservingsim/perf/RTXPRO6000/meta-llama/"
                        "Llama-3.1-8B/bf16/tp1/skew.csv.gz";
  if (!fs::exists(path)) GTEST_SKIP() << "no ../shared/measurements";
  base::Diagnostics diagnostics;
  const NativeTable table = read_native_table(path, diagnostics);
  std::vector<double> errors;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    if (table.text(i, table.column("regime")) != "pure") continue;
    // t_mean: a uniform batch of the mean length, which is what the fold asks for.
    errors.push_back(std::abs(table.number(i, table.column("t_mean_us")) /
                                  table.number(i, table.column("t_skew_us")) -
                              1));
  }
  ASSERT_GT(errors.size(), 100U);
  std::nth_element(errors.begin(), errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2),
                   errors.end());
  EXPECT_LT(errors[errors.size() / 2], 0.04);
}

}  // namespace
}  // namespace windtunnel::calibration

// Readers of published GEMM tables, and the table reader below them.
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "calibration/kernels/aiconfigurator_gemm.hpp"
#include "calibration/kernels/gemm_layer_tables.hpp"
#include "calibration/kernels/native_names.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::calibration {
namespace {

using models::NumberFormat;

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 100, '\0'), in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

NativeTable table_of(const std::string& text) {
  base::Diagnostics diagnostics;
  NativeTable table = parse_native_table(text, "t.csv", diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.to_text();
  return table;
}

std::string errors_of(const std::string& text) {
  base::Diagnostics diagnostics;
  parse_native_table(text, "t.csv", diagnostics);
  return diagnostics.to_text();
}

TEST(NativeTable, ReadsPlainAndGzipAlike) {
  const std::string text = "a,b,c\r\n1,2.5,x\n\n# note\n-3,\"q,r\",\n";
  for (const NativeTable& table : {table_of(text), table_of(gzipped(text))}) {
    ASSERT_EQ(table.rows(), 2u);
    EXPECT_EQ(table.column("c"), 2);
    EXPECT_EQ(table.column("d"), NativeTable::kAbsent);
    EXPECT_EQ(table.integer(0, 0), 1);
    EXPECT_DOUBLE_EQ(table.number(0, 1), 2.5);
    EXPECT_EQ(table.text(1, 1), "q,r");
    EXPECT_EQ(table.text(1, 2), "");
    EXPECT_EQ(table.line(1), 5);
    EXPECT_EQ(table.integer(0, 2), NativeTable::kNoInteger);
    EXPECT_TRUE(std::isnan(table.number(0, 2)));
    EXPECT_EQ(table.file().sha256.size(), 64u);
  }
}

TEST(NativeTable, TwoGzipMembersAreOneText) {
  EXPECT_EQ(table_of(gzipped("a,b\n1,2\n") + gzipped("3,4\n")).rows(), 2u);
}

TEST(NativeTable, ATruncatedForeignOrEmptyFileIsAClearError) {
  std::string text = "a,b\n";
  for (int i = 0; i < 5000; ++i) text.append(std::to_string(i * 7919)).append(",2\n");
  const std::string whole = gzipped(text);
  EXPECT_NE(errors_of(whole.substr(0, whole.size() / 2)).find("cut off"), std::string::npos);
  EXPECT_NE(errors_of("\x1f\x8b not gzip at all").find("gzip"), std::string::npos);
  EXPECT_NE(errors_of("").find("empty"), std::string::npos);
  EXPECT_NE(errors_of("a,b\n1\n").find("t.csv:2:1: error: 1 fields"), std::string::npos);
  EXPECT_NE(errors_of("a,b\n\"1,2\n").find("quote"), std::string::npos);
  base::Diagnostics diagnostics;
  EXPECT_THROW(read_native_table("/no/such/file.csv", diagnostics), base::EnvironmentError);
}

TEST(NativeNames, DevicesStacksAndFormatsAreSpeltAsHere) {
  EXPECT_EQ(gpu_of_device("NVIDIA H100 80GB HBM3"), "h100-sxm");
  EXPECT_EQ(gpu_of_device("NVIDIA A100-SXM4-80GB"), "a100-sxm-80gb");
  EXPECT_EQ(gpu_of_device("NVIDIA L40S"), "l40s");
  EXPECT_EQ(gpu_of_device("h200_sxm"), "h200-sxm");
  EXPECT_EQ(gpu_of_device("Some Card (rev 2)"), "Some Card (rev 2)");
  EXPECT_EQ(stack_text("TRTLLM", "1.3.0rc20"), "trtllm 1.3.0rc20");
  EXPECT_EQ(aiconfigurator_format("int8_wo"), NumberFormat::int8_weights);
  EXPECT_EQ(aiconfigurator_format("sq"), NumberFormat::int8);
  EXPECT_FALSE(aiconfigurator_format("fp7").has_value());
}

constexpr const char* kGemmHeader =
    "framework,version,device,op_name,kernel_source,gemm_dtype,m,n,k,latency\n";

KernelRows gemm_rows(const std::string& rows) {
  KernelRows out;
  read_aiconfigurator_gemm(table_of(kGemmHeader + rows), "t.csv", out);
  return out;
}

TEST(AiconfiguratorGemm, LatencyIsMillisecondsAndNamesAreOurs) {
  const KernelRows rows = gemm_rows(
      "VLLM,0.24.0,NVIDIA H200,gemm,CutlassFP8,fp8,32,4096,8192,0.0125\n"
      "TRTLLM,1.0.0,NVIDIA H200,gemm,trt_flow_/a_L1/P_0,bfloat16,8,512,256,0.004\n");
  ASSERT_EQ(rows.gemm.size(), 2u);
  EXPECT_DOUBLE_EQ(rows.gemm[0].time.value(), 12.5e-6);
  EXPECT_EQ(rows.gemm[0].query.m, 32);
  EXPECT_EQ(rows.gemm[0].query.n, 4096);
  EXPECT_EQ(rows.gemm[0].query.k, 8192);
  EXPECT_EQ(rows.gemm[0].query.format, NumberFormat::fp8);
  EXPECT_EQ(rows.sources[0].gpu, "h200-sxm");
  EXPECT_EQ(rows.sources[0].stack, "vllm 0.24.0");
  EXPECT_EQ(rows.sources[1].kernel, "trt_flow");
}

TEST(AiconfiguratorGemm, RowsThatCannotBeAreLeftOutWithLineAndReason) {
  const KernelRows rows = gemm_rows(
      "VLLM,1,NVIDIA H200,gemm,x,bfloat16,32,4096,8192,nan\n"
      "VLLM,1,NVIDIA H200,gemm,x,bfloat16,32,4096,8192,-1\n"
      "VLLM,1,NVIDIA H200,gemm,x,bfloat16,0,4096,8192,1\n"
      "VLLM,1,NVIDIA H200,gemm,x,fp7,32,4096,8192,1\n"
      "VLLM,1,NVIDIA H200,gemm,x,bfloat16,8192,8192,8192,0.9\n"  // 1.2 PFLOP/s of 0.99
      "VLLM,1,NVIDIA H200,gemm,x,bfloat16,8192,8192,8192,1.2\n");
  ASSERT_EQ(rows.gemm.size(), 1u);
  ASSERT_EQ(rows.skipped.size(), 5u);
  EXPECT_EQ(rows.skipped[0].origin.line, 2);
  EXPECT_NE(rows.skipped[4].reason.find("peak"), std::string::npos) << rows.skipped[4].reason;
}

TEST(LayerGemm, ProjectionsOfALayerHaveTheirShapes) {
  const std::string text =
      "time_stats.attn_pre_proj.median,time_stats.attn_post_proj.median,"
      "time_stats.mlp_up_proj.median,time_stats.mlp_down_proj.median,n_head,n_kv_head,n_embd,"
      "n_expanded_embd,use_gated_mlp,num_tokens,num_tensor_parallel_workers\n"
      "0.1,0.2,0.3,0.4,64,8,8192,28672,True,24,8\n";
  KernelRows rows;
  read_projection_table(table_of(text), "mlp.csv", rows);
  ASSERT_EQ(rows.gemm.size(), 4u);
  const auto shape = [&](std::size_t i) {
    const auto& q = rows.gemm[i].query;
    return std::array<std::int64_t, 3>{q.m, q.n, q.k};
  };
  EXPECT_EQ(shape(0), (std::array<std::int64_t, 3>{24, 1280, 8192}));
  EXPECT_EQ(shape(1), (std::array<std::int64_t, 3>{24, 8192, 1024}));
  EXPECT_EQ(shape(2), (std::array<std::int64_t, 3>{24, 7168, 8192}));
  EXPECT_EQ(shape(3), (std::array<std::int64_t, 3>{24, 8192, 3584}));
  EXPECT_DOUBLE_EQ(rows.gemm[3].time.value(), 0.4e-3);
  EXPECT_EQ(rows.gemm[0].query.format, NumberFormat::fp16);
}

TEST(LayerGemm, TheModelAndTheGpuAreInThePath) {
  KernelRows rows;
  read_layer_gemm_table(table_of("layer,tokens,time_us\nact_fn,1,2.5\ngate_up_proj,17,190.5\n"),
                        "/x/perf/RTX4090/meta-llama/Llama-3.1-8B/bf16/tp2/dense.csv", rows);
  ASSERT_EQ(rows.gemm.size(), 1u);
  EXPECT_EQ(rows.gemm[0].query.n, 14336);
  EXPECT_EQ(rows.gemm[0].query.k, 4096);
  EXPECT_EQ(rows.gemm[0].query.m, 17);
  EXPECT_EQ(rows.sources[0].gpu, "rtx-4090");
  EXPECT_DOUBLE_EQ(rows.gemm[0].time.value(), 190.5e-6);
}

}  // namespace
}  // namespace windtunnel::calibration

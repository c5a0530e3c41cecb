// Kernel rows out of measurement files: what is read, what is left out, and what is said about it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "calibration/kernels/kernel_csv.hpp"
#include "calibration/kernels/read_kernel_file.hpp"

namespace windtunnel::calibration {
namespace {

namespace fs = std::filesystem;

class KernelFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("windtunnel-rows-" +
               std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }

  fs::path folder_;
};

constexpr const char* kHeader = "kind,gpu,stack,m,n,k,precision,time_s\n";

std::string with_header(const char* rows) {
  std::string text = kHeader;
  text.append(rows);
  return text;
}

TEST_F(KernelFiles, AMixedFileGivesKernelRowsAndCollectiveRowsInOneGo) {
  const auto read = read_measured_file(
      write("mixed.csv",
            "kind,gpu,op,bytes,ranks,m,n,k,precision,direction,batch,heads,head_dim,q_len,kv_len,"
            "time_s\n"
            "gemm,NVIDIA H100 80GB HBM3,,,,17,4096,4096,bf16,,,,,,,1e-5\n"
            "collective,h100-sxm,all_reduce,1048576,8,,,,,,,,,,,5e-5\n"
            "memory,h100-sxm,rms_norm,1e6,,,,,,,,,,,,4e-6\n"
            "copy,h100-sxm,,1e6,,,,,,host_to_device,,,,,,4e-5\n"
            "launch,h100-sxm,,,,,,,,,,,,,,3e-6\n"
            "attention,h100-sxm,,,,,,,fp16,,4,32,128,1,2048,3e-5\n"
            "step,h100-sxm,,,,,,,,,,,,,,1.5\n"));
  EXPECT_FALSE(read.kernels.diagnostics.has_errors()) << read.kernels.diagnostics.to_text();
  EXPECT_EQ(read.kernels.size(), 5u);
  EXPECT_EQ(read.measurements.collectives.size(), 1u);
  ASSERT_EQ(read.measurements.other.size(), 1u);
  EXPECT_EQ(read.measurements.other[0].kind, "step");
  ASSERT_EQ(read.kernels.gemm.size(), 1u);
  EXPECT_EQ(read.kernels.gemm[0].query.m, 17);
  EXPECT_EQ(read.kernels.sources[0].gpu, "h100-sxm") << "a product's name becomes the sheet's";
  ASSERT_EQ(read.kernels.attention.size(), 1u);
  EXPECT_EQ(read.kernels.attention[0].query.phase, models::AttentionPhase::decode);
}

TEST_F(KernelFiles, ARowWithNanOrNegativeTimeIsLeftOutWithItsLineAndCounted) {
  const auto read =
      read_measured_file(write("bad.csv", with_header("gemm,l40s,x,1,2,3,bf16,nan\n"
                                                      "gemm,l40s,x,1,2,3,bf16,-1e-6\n"
                                                      "gemm,l40s,x,1,2,3,bf16,\n"
                                                      "gemm,l40s,x,1,2,3,bf61,1e-6\n"
                                                      "gemm,l40s,x,0,2,3,bf16,1e-6\n"
                                                      "gemm,l40s,x,1,2,3,bf16,1e-6\n")));
  EXPECT_EQ(read.kernels.gemm.size(), 1u);
  ASSERT_EQ(read.kernels.skipped.size(), 5u);
  EXPECT_EQ(read.kernels.skipped[0].origin.line, 2);
  EXPECT_EQ(read.kernels.skipped[0].reason, "time_s is 'nan', not a time above 0");
  EXPECT_EQ(read.kernels.skipped[1].reason, "time_s is '-1e-6', not a time above 0");
  EXPECT_EQ(read.kernels.skipped[2].reason, "time_s is blank");
  EXPECT_NE(read.kernels.skipped[3].reason.find("did you mean 'bf16'"), std::string::npos);
  EXPECT_EQ(read.kernels.skipped[4].reason, "m is '0', not a count of at least 1");
}

TEST_F(KernelFiles, EmptyForeignAndCutOffFilesAreErrorsWithALine) {
  const auto said = [](const MeasuredFile& read) {
    return read.measurements.diagnostics.to_text() + read.kernels.diagnostics.to_text();
  };
  EXPECT_NE(
      said(read_measured_file(write("a.csv", ""))).find("a.csv:1:1: error: the file is empty"),
      std::string::npos);
  EXPECT_NE(
      said(read_measured_file(write("b.csv", "name,price\nbread,2\n"))).find("b.csv:1:1: error"),
      std::string::npos);
  EXPECT_NE(said(read_measured_file(write("c.csv", kHeader))).find("a header and no rows"),
            std::string::npos);
  const auto cut = read_measured_file(
      write("d.csv", with_header("gemm,l40s,x,1,2,3,bf16,1e-6\ngemm,l40s,x,1,2")));
  EXPECT_NE(said(cut).find("d.csv:3:1: error: the file is cut off here"), std::string::npos)
      << said(cut);
  EXPECT_NE(said(read_measured_file(write("e.csv.gz", "\x1f\x8b\x08"))).find("cut off"),
            std::string::npos);
}

TEST_F(KernelFiles, ATableIsToldByItsColumnsWhateverItsName) {
  const auto rows = read_kernel_file(
      write("x.dat",
            "framework,version,device,op_name,kernel_source,allreduce_dtype,num_gpus,message_size,"
            "latency,backend\n"
            "vLLM,0.24.0,NVIDIA H100 80GB HBM3,all_reduce,vLLM_custom_graph,bfloat16,2,128,0.0042,"
            "vllm_graph\n"
            "vLLM,0.24.0,NVIDIA H100 80GB HBM3,all_reduce,vLLM_custom_eager,bfloat16,2,128,0.02,"
            "vllm_eager\n"));
  ASSERT_EQ(rows.all_reduce.size(), 2u) << rows.diagnostics.to_text();
  EXPECT_DOUBLE_EQ(rows.all_reduce[0].query.bytes.value(), 256.0) << "elements of two bytes";
  EXPECT_DOUBLE_EQ(rows.all_reduce[0].time.value(), 4.2e-6) << "milliseconds";
  EXPECT_EQ(rows.all_reduce[1].query.dispatch, models::DispatchMode::eager);
  EXPECT_EQ(rows.sources[0].gpu, "h100-sxm");
  EXPECT_EQ(rows.sources[0].stack, "vllm 0.24.0");
}

TEST_F(KernelFiles, AFilterKeepsRowsOfEveryKindThatHaveTheValue) {
  auto read = read_measured_file(write("w.csv", with_header("gemm,l40s,x,1,2,3,bf16,1e-6\n"
                                                            "gemm,l40s,y,16,2,3,fp8,1e-6\n"
                                                            "gemm,l40s,y,64,2,3,bf16,1e-6\n")));
  apply_filters(read.kernels, {{"stack", "y"}, {"m<", "32"}});
  ASSERT_EQ(read.kernels.gemm.size(), 1u);
  EXPECT_EQ(read.kernels.gemm[0].query.m, 16);
}

TEST_F(KernelFiles, InterferenceIsTheRatioOfTimeBesideToTimeAlone) {
  const auto read = read_measured_file(write("i.csv",
                                             "kind,gpu,op,background,time_s,alone_s\n"
                                             "interference,h100-sxm,gemm,collective,1.3e-3,1e-3\n"
                                             "interference,h100-sxm,gemm,weather,1.3e-3,1e-3\n"
                                             "interference,h100-sxm,rms_norm,peer_copy,1.3e-3,\n"));
  ASSERT_EQ(read.kernels.interference.size(), 1u);
  EXPECT_DOUBLE_EQ(read.kernels.interference[0].factor, 1.3);
  EXPECT_EQ(read.kernels.skipped.size(), 2u);
}

TEST_F(KernelFiles, AppendingKeepsEachRowsSource) {
  auto a = read_kernel_file(write("a.csv", with_header("gemm,l40s,x,1,2,3,bf16,1e-6\n")));
  a.append(read_kernel_file(write("b.csv", with_header("gemm,h20,y,1,2,3,bf16,1e-6\n"))));
  ASSERT_EQ(a.gemm.size(), 2u);
  EXPECT_EQ(a.sources[static_cast<std::size_t>(a.gemm[1].source)].gpu, "h20");
  EXPECT_EQ(a.files.size(), 2u);
}

TEST(KernelTables, VidurLayersGiveTheTrafficOfTheirTensors) {
  const fs::path path = fs::path(WINDTUNNEL_SOURCE_DIR) /
                        "../shared/measurements/ops/vidur/compute/a100/meta-llama/Llama-2-7b-hf/"
                        "mlp.csv.gz";
  if (!fs::exists(path)) GTEST_SKIP() << "no ../shared here";
  const KernelRows rows = read_kernel_file(path);
  ASSERT_GT(rows.memory.size(), 1000u) << rows.diagnostics.to_text();
  // An element-wise add of 4096 x 4096 moves 100 MB, which an A100 does at 1.5 to 2.0 TB/s.
  for (const auto& row : rows.memory) {
    if (row.query.op != models::MemoryOp::add || row.query.bytes.value() < 1e8) continue;
    const double bytes_per_s = row.query.bytes.value() / row.time.value();
    EXPECT_GT(bytes_per_s, 1.2e12);
    EXPECT_LT(bytes_per_s, 2.1e12);
  }
}

}  // namespace
}  // namespace windtunnel::calibration

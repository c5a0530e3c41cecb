// Output of profilers and benchmark tools as kernel rows, from small files made here in their formats.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>

#include "calibration/kernels/read_kernel_file.hpp"

namespace windtunnel::calibration {
namespace {

namespace fs = std::filesystem;

class ProfilerOutput : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("windtunnel-profiler-" +
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

TEST_F(ProfilerOutput, NvbandwidthGivesOneCopyRowAPair) {
  const auto read = read_measured_file(write("n.json", R"({"nvbandwidth": {
    "git_version": "v0.7", "GPU Device list": ["0: NVIDIA H100 80GB HBM3", "1: NVIDIA H100 80GB HBM3"],
    "testcases": [
      {"name": "host_to_device_memcpy_ce", "status": "Passed", "bandwidth_matrix": [["55.5", "54.0"]]},
      {"name": "device_to_device_memcpy_read_ce", "bandwidth_matrix": [["N/A", "390.1"], [390.2, "N/A"]]},
      {"name": "host_device_latency_sm", "bandwidth_matrix": [["810.0"]]}]}})"));
  EXPECT_FALSE(read.kernels.diagnostics.has_errors()) << read.kernels.diagnostics.to_text();
  ASSERT_EQ(read.kernels.copy.size(), 4u);
  const auto& first = read.kernels.copy[0];
  EXPECT_NEAR(first.query.bytes.value() / first.time.value() * 1e-9, 55.5, 1e-6)
      << "GB/s come back";
  EXPECT_EQ(read.kernels.copy[3].query.direction, models::CopyDirection::peer);
  EXPECT_EQ(read.kernels.sources[0].gpu, "h100-sxm");
  EXPECT_EQ(read.kernels.skipped.size(), 1u);
}

TEST_F(ProfilerOutput, NvbenchStatesBecomeGemmOrMemoryRows) {
  const auto summary = [](const char* tag, const char* value) {
    return std::string(R"({"tag": ")") + tag +
           R"(", "data": [{"name": "value", "type": "float64", "value": ")" + value + "\"}]}";
  };
  std::string text = R"({"devices": [{"id": 0, "name": "NVIDIA L40S"}], "benchmarks": [
    {"name": "rms_norm_bf16", "states": [{"device": 0, "axis_values": [], "summaries": [)";
  text.append(summary("nv/cold/time/gpu/mean", "1e-4")).append(",");
  text.append(summary("nv/cold/bw/global/bytes_per_second", "6e11"));
  text.append(R"(]}]}, {"name": "matmul", "states": [{"device": 0, "axis_values": [
    {"name": "M", "type": "int64", "value": "128"}, {"name": "N", "value": "256"},
    {"name": "K", "value": "512"}, {"name": "T", "value": "F16"}], "summaries": [)");
  text.append(summary("nv/cold/time/gpu/mean", "2e-5"));
  text.append(R"(]}, {"device": 0, "is_skipped": true}]}]})");
  const auto read = read_measured_file(write("b.json", text));
  ASSERT_EQ(read.kernels.memory.size(), 1u) << read.kernels.diagnostics.to_text();
  EXPECT_EQ(read.kernels.memory[0].query.op, models::MemoryOp::rms_norm);
  EXPECT_NEAR(read.kernels.memory[0].query.bytes.value(), 6e7, 1);
  ASSERT_EQ(read.kernels.gemm.size(), 1u);
  EXPECT_EQ(read.kernels.gemm[0].query.k, 512);
  EXPECT_EQ(read.kernels.gemm[0].query.format, models::NumberFormat::fp16);
  EXPECT_EQ(read.kernels.skipped.size(), 1u);
}

constexpr const char* kTrace = R"json({"schemaVersion": 1,
 "deviceProperties": [{"id": 0, "name": "NVIDIA A100-SXM4-80GB"}],
 "distributedInfo": {"backend": "nccl", "rank": 0, "world_size": 16},
 "traceEvents": [
  {"ph": "X", "cat": "cpu_op", "name": "aten::addmm", "ts": 1, "dur": 9, "args": {"External id": 7,
   "Input Dims": [[4096], [1024, 2048], [2048, 4096], [], []],
   "Input type": ["c10::BFloat16", "c10::BFloat16", "c10::BFloat16", "Scalar", "Scalar"]}},
  {"ph": "X", "cat": "kernel", "name": "gemm_splitk", "ts": 5, "dur": 100.5,
   "args": {"External id": 7, "correlation": 1}},
  {"ph": "X", "cat": "kernel", "name": "splitk_reduce", "ts": 120, "dur": 9.5,
   "args": {"External id": 7, "correlation": 2}},
  {"ph": "X", "cat": "cpu_op", "name": "aten::_flash_attention_forward", "ts": 1, "dur": 9,
   "args": {"External id": 8, "Input Dims": [[2, 2048, 32, 128], [2, 2048, 8, 128], [2, 2048, 8, 128]],
   "Input type": ["c10::Half", "c10::Half", "c10::Half"]}},
  {"ph": "X", "cat": "kernel", "name": "flash_fwd_kernel", "ts": 200, "dur": 300,
   "args": {"External id": 8}},
  {"ph": "X", "cat": "kernel", "name": "ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgs)",
   "ts": 600, "dur": 500,
   "args": {"External id": 9, "Collective name": "allreduce", "In msg nelems": 1048576,
            "Out msg nelems": 1048576, "Group size": 16, "dtype": "BFloat16"}},
  {"ph": "X", "cat": "kernel", "name": "vectorized_elementwise", "ts": 700, "dur": 5,
   "args": {"External id": 99}},
  {"ph": "X", "cat": "user_annotation", "name": "ProfilerStep#3", "ts": 0, "dur": 2000000,
   "args": {}}]})json";

TEST_F(ProfilerOutput, AKinetoTraceGivesShapesFromTheOperatorsThatLaunched) {
  const auto read = read_measured_file(write("trace.json", kTrace));
  EXPECT_FALSE(read.kernels.diagnostics.has_errors()) << read.kernels.diagnostics.to_text();
  ASSERT_EQ(read.kernels.gemm.size(), 1u);
  EXPECT_EQ(read.kernels.gemm[0].query.m, 1024);
  EXPECT_EQ(read.kernels.gemm[0].query.n, 4096);
  EXPECT_EQ(read.kernels.gemm[0].query.k, 2048);
  EXPECT_NEAR(read.kernels.gemm[0].time.value(), 110e-6, 1e-12) << "both kernels of one op";
  ASSERT_EQ(read.kernels.attention.size(), 1u);
  EXPECT_EQ(read.kernels.attention[0].query.heads, 32);
  EXPECT_EQ(read.kernels.attention[0].query.kv_heads, 8);
  EXPECT_EQ(read.kernels.attention[0].query.q_len, 2048);
  ASSERT_EQ(read.measurements.collectives.size(), 1u);
  EXPECT_DOUBLE_EQ(read.measurements.collectives[0].bytes.value(), 2097152.0);
  EXPECT_EQ(read.measurements.collectives[0].nodes, 2);
  ASSERT_EQ(read.measurements.other.size(), 1u);
  EXPECT_EQ(read.measurements.other[0].field("time_s"), "2");
  EXPECT_EQ(read.kernels.sources[0].gpu, "a100-sxm-80gb");
  EXPECT_EQ(read.kernels.skipped.size(), 1u) << "the kernel without an operator is counted";
}

TEST_F(ProfilerOutput, ATraceCutOffAnywhereIsAnErrorWithItsLine) {
  const std::string whole = kTrace;
  for (std::size_t size = 200; size + 10 < whole.size(); size += 97) {
    const auto read = read_measured_file(write("cut.json", whole.substr(0, size)));
    const std::string said =
        read.kernels.diagnostics.to_text() + read.measurements.diagnostics.to_text();
    EXPECT_NE(said.find("cut.json:"), std::string::npos) << size;
    EXPECT_NE(said.find("error"), std::string::npos) << size;
  }
}

TEST_F(ProfilerOutput, NsightSystemsGivesCopiesAndNamesItsKernels) {
  const fs::path path = folder_ / "report.sqlite";
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(
          database,
          "CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT);"
          "CREATE TABLE TARGET_INFO_GPU (id INT, name TEXT);"
          "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INT, end INT, shortName INT);"
          "CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY (start INT, end INT, bytes INT, copyKind INT,"
          " srcKind INT, dstKind INT);"
          "INSERT INTO StringIds VALUES (1, 'my_kernel');"
          "INSERT INTO TARGET_INFO_GPU VALUES (0, 'NVIDIA H200');"
          "INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (0, 1000, 1), (2000, 3500, 1);"
          "INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (0, 20000, 1048576, 1, 2, 3),"
          " (0, 22000, 1048576, 1, 2, 3), (0, 90000, 1048576, 2, 3, 1);",
          nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(database);
  const auto read = read_measured_file(path);
  EXPECT_FALSE(read.kernels.diagnostics.has_errors()) << read.kernels.diagnostics.to_text();
  ASSERT_EQ(read.kernels.copy.size(), 2u);
  EXPECT_EQ(read.kernels.copy[0].query.direction, models::CopyDirection::host_to_device);
  EXPECT_NEAR(read.kernels.copy[0].time.value(), 21e-6, 1e-12) << "median of both";
  EXPECT_EQ(read.kernels.copy[1].query.direction, models::CopyDirection::device_to_host_pageable);
  EXPECT_EQ(read.kernels.sources[0].gpu, "h200-sxm");
  ASSERT_EQ(read.kernels.skipped.size(), 1u);
  EXPECT_NE(read.kernels.skipped[0].reason.find("2 calls of my_kernel"), std::string::npos);
}

TEST_F(ProfilerOutput, ASqliteFileOfSomethingElseIsAnError) {
  const fs::path path = folder_ / "other.sqlite";
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  sqlite3_exec(database, "CREATE TABLE x (a INT);", nullptr, nullptr, nullptr);
  sqlite3_close(database);
  EXPECT_TRUE(read_measured_file(path).kernels.diagnostics.has_errors());
}

}  // namespace
}  // namespace windtunnel::calibration

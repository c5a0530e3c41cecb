// Fixtures are written by hand for these tests, in the shapes that releases of nccl-tests print.
#include "calibration/nccl_tests.hpp"

#include <gtest/gtest.h>

#include <string>

namespace windtunnel::calibration {
namespace {

std::string rank_line(int rank, int pid, const std::string& host, const std::string& gpu) {
  return "#  Rank " + std::to_string(rank) + " Group  0 Pid " + std::to_string(pid) + " on " +
         host + " device  " + std::to_string(rank % 2) + " [0000:1b:00] " + gpu + "\n";
}

const std::string kTwoNodes =
    "# nThread 1 nGpus 1 minBytes 8 maxBytes 1024 step: 2(factor)\n#\n# Using devices\n" +
    rank_line(0, 11, "alpha", "NVIDIA H100 80GB HBM3") +
    rank_line(1, 12, "alpha", "NVIDIA H100 80GB HBM3") +
    rank_line(2, 11, "beta", "NVIDIA H100 80GB HBM3") +
    rank_line(3, 12, "beta", "NVIDIA H100 80GB HBM3") + "#\n";
const std::string kNewHeader =
    "#                                                              out-of-place                   "
    "    in-place\n"
    "#       size         count      type   redop    root     time   algbw   busbw #wrong     time "
    "  algbw   busbw #wrong\n"
    "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us) "
    " (GB/s)  (GB/s)\n";

TEST(NcclTestsText, ReadsRanksNodesGpuLaunchAndTheOutOfPlaceTime) {
  const Measurements read = read_measurements(
      "# nccl-tests version 2.17 nccl-headers=22809 nccl-library=22907\n"
      "# Collective test starting: all_gather_perf\n" +
          kTwoNodes + kNewHeader +
          "        1024           256     float    none      -1    21.50    0.05    0.04      0    "
          "20.00    0.05    0.04      0\n"
          "# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 0.04\n",
      "slurm-17.out");
  ASSERT_EQ(read.collectives.size(), 1u) << read.diagnostics.to_text();
  const CollectiveMeasurement& row = read.collectives[0];
  EXPECT_EQ(row.op, collectives::Op::all_gather);
  EXPECT_EQ(row.nodes, 2);
  EXPECT_EQ(row.gpus_per_node, 2);
  EXPECT_EQ(row.gpu, "h100-sxm");
  EXPECT_EQ(row.launch, "per_gpu_process");
  EXPECT_EQ(row.stack, "nccl 2.29.7");
  EXPECT_NEAR(row.time.value(), 21.5e-6, 1e-12);
  EXPECT_EQ(read.files[0].format, "nccl-tests text");
}

TEST(NcclTestsText, OneProcessDrivingAllGpusIsSeenByItsPid) {
  const Measurements read = read_measurements(
      "# nThread 1 nGpus 2\n# Using devices\n" + rank_line(0, 7, "box", "NVIDIA A100-SXM4-80GB") +
          rank_line(1, 7, "box", "NVIDIA A100-SXM4-80GB") + kNewHeader +
          " 8 2 float sum -1 35.1 0.00 0.00 0 34.9 0.00 0.00 0\n",
      "all_reduce.log");
  ASSERT_EQ(read.collectives.size(), 1u);
  EXPECT_EQ(read.collectives[0].launch, "one_process_per_node");
  EXPECT_EQ(read.collectives[0].gpu, "a100-sxm-80gb");
  EXPECT_EQ(read.collectives[0].op, collectives::Op::all_reduce) << "from the file's name";
}

TEST(NcclTestsText, OldColumnsWithoutRootAndWithErrorAreReadFromTheRight) {
  const Measurements read = read_measurements(
      "# nThread 1 nGpus 2 minBytes 8\n"
      "#   Rank  0 Pid  5 on old device  0 [0x06] Tesla V100-SXM2-16GB\n"
      "#   Rank  1 Pid  5 on old device  1 [0x07] Tesla V100-SXM2-16GB\n"
      "#       size         count    type   redop     time   algbw   busbw  error     time   algbw "
      "  busbw  error\n"
      "#        (B)    (elements)                     (us)  (GB/s)  (GB/s)           (us)  (GB/s)  "
      "(GB/s)\n"
      "        1024           256   float             47.5    0.02    0.02  0e+00    46.0    0.02  "
      "  0.02    N/A\n",
      "run_broadcast_perf.txt");
  ASSERT_EQ(read.collectives.size(), 1u) << read.diagnostics.to_text();
  EXPECT_NEAR(read.collectives[0].time.value(), 47.5e-6, 1e-12);
  EXPECT_EQ(read.collectives[0].gpu, "v100-sxm-16gb");
  EXPECT_EQ(read.collectives[0].op, collectives::Op::broadcast);
}

TEST(NcclTestsText, StepsOverPrefixesSchedulerNoiseAndNcclInfoLines) {
  const Measurements read = read_measurements(
      "srun: job 12 queued and waiting for resources\n"
      "0: # Collective test starting: reduce_scatter_perf\n"
      "0: # Using devices\n0: " +
          rank_line(0, 1, "n1", "NVIDIA H200") + "0: " + rank_line(1, 2, "n1", "NVIDIA H200") +
          "0: #  size count type redop root time algbw busbw #wrong time algbw busbw #wrong\n"
          "n1:1:1 [0] NCCL INFO comm 0x55 rank 0 nranks 2 - Init COMPLETE\n"
          "[1,0]<stdout>: 64 16 float sum -1 9.5 0.0 0.0 0 9.1 0.0 0.0 0\n"
          "2024-07-19T10:00:00.12Z 128 32 float sum -1 9.75 0.0 0.0 N/A 9.1 0.0 0.0 N/A\n"
          "slurmstepd: error: *** STEP 12.0 CANCELLED\n",
      "log");
  ASSERT_EQ(read.collectives.size(), 2u) << read.diagnostics.to_text();
  EXPECT_NEAR(read.collectives[0].time.value(), 9.5e-6, 1e-12);
  EXPECT_NEAR(read.collectives[1].time.value(), 9.75e-6, 1e-12);
  EXPECT_EQ(read.collectives[1].op, collectives::Op::reduce_scatter);
  EXPECT_EQ(read.collectives[1].gpu, "h200-sxm");
}

TEST(NcclTestsText, ExtraColumnsTimestampsAndMissingHalvesDoNotShiftTheTime) {
  const std::string setup = "# Collective test starting: sendrecv_perf\n" + kTwoNodes;
  const Measurements per_iteration = read_measurements(
      setup +
          "#  size count type redop root cputime algbw busbw #wrong i_min i_max i_p99 i_cv% "
          "cputime algbw busbw #wrong i_min i_max i_p99 i_cv% timestamp\n"
          "  64 16 float none -1 7.25 0.1 0.1 0 7.0 8.0 7.9 3.1 6.25 0.1 0.1 0 6.0 7.0 6.9 2.0 "
          "2025-11-02 10:11:12\n",
      "log");
  ASSERT_EQ(per_iteration.collectives.size(), 1u);
  EXPECT_NEAR(per_iteration.collectives[0].time.value(), 7.25e-6, 1e-12);
  const Measurements in_place_only = read_measurements(
      setup + kNewHeader + "  64 16 float none -1                     6.5 0.1 0.1 0\n", "log");
  ASSERT_EQ(in_place_only.collectives.size(), 1u);
  EXPECT_NEAR(in_place_only.collectives[0].time.value(), 6.5e-6, 1e-12);
}

TEST(NcclTestsText, SeveralTestsInOneLogKeepTheirOwnOpAndRanks) {
  const std::string row = "  64 16 float sum -1 9.5 0.0 0.0 0 9.1 0.0 0.0 0\n";
  const Measurements read = read_measurements(
      "# Collective test starting: all_reduce_perf\n" + kTwoNodes + kNewHeader + row +
          "# Collective test concluded: all_reduce_perf\n# Collective test starting: "
          "alltoall_perf\n"
          "# nThread 1 nGpus 1\n# Using devices\n" +
          rank_line(0, 1, "alpha", "NVIDIA H100 PCIe") +
          rank_line(1, 2, "alpha", "NVIDIA H100 PCIe") + kNewHeader + row,
      "log");
  ASSERT_EQ(read.collectives.size(), 2u);
  EXPECT_EQ(read.collectives[0].ranks(), 4);
  EXPECT_EQ(read.collectives[1].ranks(), 2);
  EXPECT_EQ(read.collectives[1].op, collectives::Op::all_to_all);
  EXPECT_EQ(read.collectives[1].gpu, "h100-pcie");
}

TEST(NcclTestsText, ALogCutOffInALineKeepsTheWholeOnesAndSaysSo) {
  const Measurements read =
      read_measurements("# Collective test starting: all_reduce_perf\n" + kTwoNodes + kNewHeader +
                            "  64 16 float sum -1 9.5 0.0 0.0 0 9.1 0.0 0.0 0\n  128 32 float su",
                        "log");
  EXPECT_EQ(read.collectives.size(), 1u);
  ASSERT_EQ(read.skipped.size(), 1u);
  EXPECT_FALSE(read.diagnostics.has_errors());
  EXPECT_NE(read.diagnostics.to_text().find("cut short"), std::string::npos);
  const Measurements empty =
      read_measurements("# Collective test starting: all_reduce_perf\n" + kTwoNodes, "log");
  EXPECT_TRUE(empty.diagnostics.has_errors());
}

TEST(NcclTestsText, WithoutRanksTheRowsAreSkippedWithTheReason) {
  const Measurements read = read_measurements(
      kNewHeader + "  64 16 float sum -1 9.5 0.0 0.0 0 9.1 0.0 0.0 0\n", "all_reduce.log");
  EXPECT_TRUE(read.collectives.empty());
  ASSERT_EQ(read.skipped.size(), 1u);
  EXPECT_NE(read.skipped[0].reason.find("how many ranks"), std::string::npos);
}

const char* const kJson =
    R"({"version": 1, "args": ["./build/all_reduce_perf", "-J", "x.json"], "nccl_version": 22907,
 "config": {"nthreads": 1, "ngpus": 2, "aggregated_iterations": 1, "devices": [
   {"rank": 0, "group": 0, "pid": 5, "hostname": "a", "device": 0, "device_info": "NVIDIA B200"},
   {"rank": 2, "group": 0, "pid": 9, "hostname": "b", "device": 0, "device_info": "NVIDIA B200"}]},
 "results": [
  {"size": 1024, "count": 256, "type": "float", "redop": "sum", "root": "-1",
   "out_of_place": {"time": 12.5, "alg_bw": 0.1, "bus_bw": 0.1, "nwrong": null},
   "in_place": {"time": 12.0, "alg_bw": 0.1, "bus_bw": 0.1, "nwrong": 0}},
  {"size": 2048, "count": 512, "out_of_place": null, "in_place": {"cpu_time": 13.0, "alg_bw": 0.1}}]})";

TEST(NcclTestsJson, ReadsResultsDevicesAndVersion) {
  const Measurements read = read_measurements(kJson, "anything.txt");
  ASSERT_EQ(read.collectives.size(), 2u) << read.diagnostics.to_text();
  const CollectiveMeasurement& row = read.collectives[0];
  EXPECT_EQ(row.ranks(), 4);
  EXPECT_EQ(row.nodes, 2);
  EXPECT_EQ(row.gpu, "b200-sxm");
  EXPECT_EQ(row.launch, "one_process_per_node");
  EXPECT_EQ(row.stack, "nccl 2.29.7");
  EXPECT_NEAR(row.time.value(), 12.5e-6, 1e-12);
  EXPECT_NEAR(read.collectives[1].time.value(), 13e-6, 1e-12)
      << "in place, where the other half is missing";
  EXPECT_EQ(read.files[0].format, "nccl-tests JSON");
}

TEST(NcclTestsJson, EveryTruncationIsEitherMendedOrReported) {
  const std::string whole = kJson;
  for (std::size_t length = 1; length < whole.size(); ++length) {
    const std::string text = whole.substr(0, length);
    if (!looks_like_nccl_tests_json(text)) continue;
    const Measurements read = read_nccl_tests_json(text, "cut.json");
    EXPECT_TRUE(!read.collectives.empty() || read.diagnostics.has_errors()) << length;
  }
  const Measurements cut = read_measurements(whole.substr(0, whole.size() - 40), "cut.json");
  EXPECT_EQ(cut.collectives.size(), 1u);
  EXPECT_NE(cut.diagnostics.to_text().find("breaks off"), std::string::npos);
}

TEST(NcclTestsWords, TellOpsApart) {
  EXPECT_EQ(op_from_words("./build/reduce_perf -b 8"), collectives::Op::reduce);
  EXPECT_EQ(op_from_words("reduce_scatter_perf"), collectives::Op::reduce_scatter);
  EXPECT_EQ(op_from_words("AllGather.log"), collectives::Op::all_gather);
  EXPECT_FALSE(op_from_words("slurm-17.out"));
  EXPECT_EQ(gpu_from_product("NVIDIA Future X9"), "nvidia-future-x9");
}

}  // namespace
}  // namespace windtunnel::calibration

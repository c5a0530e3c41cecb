// `run --measured`: measured rows beside the prediction.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.hpp"

namespace windtunnel::tests {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kScenario =
    "schema: windtunnel/1\nname: s\ncluster: {use: dgx-h100, nodes: 2}\ncalibration: none\n"
    "workload: {kind: collective, op: all_reduce, algorithms: [ring], sizes: [16MiB]}\n";

constexpr const char* kRows =
    "kind,op,bytes,ranks,nodes,gpus_per_node,algorithm,protocol,time_s,gpu\n"
    "collective,all_reduce,16777216,16,2,8,ring,,0.0005,h100-sxm\n"
    "collective,all_reduce,33554432,16,2,8,,,0.0009,\n"
    "collective,all_gather,16777216,16,2,8,,,0.0004,h100-sxm\n"
    "collective,all_reduce,16777216,8,1,8,,,0.0004,h100-sxm\n"
    "collective,all_reduce,16777216,16,16,1,,,0.0004,h100-sxm\n"
    "collective,all_reduce,16777216,16,2,8,,,0.0004,a100-sxm-80gb\n";

TEST(RunMeasured, RowsOfTheSameOpShapeAndGpuStandBesideThePrediction) {
  const std::string file = scratch_folder() + "/rows.csv";
  write_text(file, kRows);
  const Finished run =
      windtunnel({"run", "-", "--measured", file, "--format", "json"}, {.input = kScenario});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json table = json::parse(run.out).at("tables").at("measured");
  ASSERT_EQ(table.at("rows").size(), 2U);
  EXPECT_EQ(table.at("rows")[0], json({"all_reduce", "ring", 16, 16777216.0, 0.0005,
                                       16777216.0 / 0.0005 * 30 / 16, "rows.csv"}));
  EXPECT_THAT(run.err, HasSubstr("4 measured rows match no case"));
}

// A log of nccl-tests that names its devices: `ranks` of them on one host.
std::string log_of(int ranks) {
  std::string log = "# Collective test starting: all_reduce_perf\n# nThread 1 nGpus 1\n";
  for (int rank = 0; rank < ranks; ++rank) {
    log += "#  Rank " + std::to_string(rank) + " Group  0 Pid " + std::to_string(100 + rank) +
           " on alpha device  " + std::to_string(rank) + " [0000:0f:00] NVIDIA H100 80GB HBM3\n";
  }
  return log +
         "#       size         count      type   redop    root     time   algbw   busbw #wrong     "
         "time   algbw   busbw #wrong\n"
         "    16777216       4194304     float     sum      -1    250.0   67.11   100.7      0    "
         "251.0   66.84   100.3      0\n";
}

Finished run_with_log(const std::string& log, const std::string& groups) {
  const std::string file = scratch_folder() + "/all_reduce.log";
  write_text(file, log);
  std::string scenario = kScenario;
  scenario.insert(scenario.rfind('}'), groups);
  return windtunnel({"run", "-", "--measured", file, "--format", "json"}, {.input = scenario});
}

TEST(RunMeasured, ALogOfOneNodeStandsBesideAGroupOfOneNodeInALargerCluster) {
  const Finished run = run_with_log(log_of(4), ", ranks: [0, 1, 2, 3]");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json table = json::parse(run.out).at("tables").at("measured");
  EXPECT_EQ(table.at("columns"),
            json({"op", "algorithm", "ranks", "bytes", "time_s", "busbw_bytes_per_s", "source"}));
  ASSERT_EQ(table.at("rows").size(), 1U) << run.err;
  EXPECT_EQ(table.at("rows")[0][2], 4);
  EXPECT_NEAR(table.at("rows")[0][4].get<double>(), 250e-6, 1e-12);
  EXPECT_EQ(table.at("rows")[0][6], "all_reduce.log");
}

TEST(RunMeasured, ALogOfAnotherShapeIsOneWarning) {
  const Finished run = run_with_log(log_of(4), "");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(json::parse(run.out).at("tables").at("measured").at("rows").empty());
  EXPECT_THAT(run.err, HasSubstr("1 measured row matches no case"));
}

TEST(RunMeasured, ARowThatCannotBeReadIsAWarningWithItsLine) {
  const std::string file = scratch_folder() + "/bad.csv";
  write_text(file,
             "kind,op,bytes,ranks,nodes,gpus_per_node,time_s\n"
             "collective,all_reduce,16777216,16,2,8,fast\n");
  const Finished run = windtunnel({"run", "-", "--measured", file}, {.input = kScenario});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("1 measured row skipped; the first, bad.csv:2: "));
}

TEST(RunMeasured, AFileOfAnotherKindIsInvalidInputWithItsPlace) {
  const std::string file = scratch_folder() + "/letter.txt";
  write_text(file, "Dear reader,\nno measurement here.\n");
  const Finished run = windtunnel({"run", "-", "--measured", file}, {.input = kScenario});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("letter.txt:1:1: error: "));
}

TEST(RunMeasured, AFileThatIsNotThereIsSaid) {
  const Finished run = windtunnel({"run", "-", "--measured", "/nowhere.csv"}, {.input = kScenario});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("/nowhere.csv"));
}

TEST(Validate, SaysWhichKindsThereAreAndSkipsRowsThatStateNothing) {
  const std::string file = scratch_folder() + "/jobs.csv";
  write_text(file,
             "kind,gpu,gpus,model,tensor,global_batch,time_s\n"
             "train,h100-sxm,8,llama3-8b,2,32,3\ntrain,h100-sxm,8,llama3-8b,4,32,3\n");
  const Finished unknown = windtunnel({"validate", file});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.out, HasSubstr("kind 'train' is not predicted here; kinds are step"));
  EXPECT_EQ(unknown.out.find("kind 'train'"), unknown.out.rfind("kind 'train'"));
  write_text(file,
             "kind,gpu,gpus,model,tensor,global_batch,time_s\n"
             "step,h100-sxm,8,llama3-8b,2,32,3\nstep,h100-sxm,8,llama3-8b,4,32,\n"
             "train,h100-sxm,8,llama3-8b,4,32,3\n");
  const Finished run = windtunnel({"validate", file});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("states neither time_s, tokens/s nor memory"));
  EXPECT_THAT(run.out, HasSubstr("kind 'train' is not predicted here"));
  EXPECT_THAT(run.out, HasSubstr("Predicted against measured"));
}

}  // namespace
}  // namespace windtunnel::tests

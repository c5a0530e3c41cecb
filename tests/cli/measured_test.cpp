// `run --measured`: measured rows beside the prediction.
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
    "collective,all_reduce,16777216,16,2,8,,,0.0004,a100-sxm-80gb\n";

TEST(RunMeasured, RowsOfTheSameOpRanksAndGpuStandBesideThePrediction) {
  const std::string file = scratch_folder() + "/rows.csv";
  write_text(file, kRows);
  const Finished run =
      windtunnel({"run", "-", "--measured", file, "--format", "json"}, {.input = kScenario});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json table = json::parse(run.out).at("tables").at("measured");
  ASSERT_EQ(table.at("rows").size(), 2U);
  EXPECT_EQ(table.at("rows")[0], json({"all_reduce", "ring", 16, 16777216.0, 0.0005,
                                       16777216.0 / 0.0005 * 30 / 16, "rows.csv"}));
  EXPECT_THAT(run.err, HasSubstr("3 measured rows match no case"));
}

TEST(RunMeasured, AFileThatIsNotThereIsSaid) {
  const Finished run = windtunnel({"run", "-", "--measured", "/nowhere.csv"}, {.input = kScenario});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("/nowhere.csv"));
}

}  // namespace
}  // namespace windtunnel::tests

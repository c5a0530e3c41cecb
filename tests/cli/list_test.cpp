// `list`, `schema` and `check`: what can be said, and whether a file says it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/cli/program.hpp"
#include "tests/cli/scenario_text.hpp"

namespace windtunnel::tests {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

std::set<std::string> names_of(const std::string& kind) {
  std::set<std::string> names;
  for (const json& row : json::parse(windtunnel({"list", kind, "--format", "json"}).out)) {
    names.insert(row.at("name"));
  }
  return names;
}

TEST(List, HasTheClustersOfTheContract) {
  const auto names = names_of("clusters");
  for (const char* name :
       {"dgx-v100", "dgx-a100", "dgx-h100", "dgx-h200", "dgx-b200", "gb200-nvl72", "gh200-quad",
        "pcie-a100", "teaching-4gpu", "workstation-2x4090"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(List, HasTheGpusOfTheContract) {
  const auto names = names_of("gpus");
  for (const char* name : {"v100-sxm-32gb",
                           "a100-sxm-40gb",
                           "a100-sxm-80gb",
                           "a100-pcie-80gb",
                           "h100-sxm",
                           "h100-pcie",
                           "h200-sxm",
                           "b200-sxm",
                           "gb200",
                           "b300-sxm",
                           "gb300",
                           "gh200",
                           "h800-sxm",
                           "h20",
                           "l40s",
                           "rtx-4090",
                           "rtx-3090",
                           "rtx-pro-6000",
                           "t4",
                           "v100-sxm-16gb",
                           "v100-pcie-16gb",
                           "h100-sxm-96gb-500w"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(List, HasTheAlgorithmsOfTheContractWithADescriptionEach) {
  for (const json& row : json::parse(windtunnel({"list", "algorithms", "--format", "json"}).out)) {
    EXPECT_FALSE(row.at("description").get<std::string>().empty()) << row;
  }
  EXPECT_EQ(names_of("algorithms").size(), 11U);
}

TEST(List, WithoutAKindNamesTheKinds) {
  const Finished run = windtunnel({"list"});
  EXPECT_EQ(run.exit_code, 0);
  for (const char* kind : {"clusters", "gpus", "algorithms", "profiles"}) {
    EXPECT_THAT(run.out, HasSubstr(kind));
  }
}

TEST(List, AMistypedKindIsAnsweredWithTheNearestOne) {
  const Finished run = windtunnel({"list", "cluster"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("'cluster' is not a kind; did you mean 'clusters'?"));
}

TEST(List, KindsOfWorkloadsThatAreNotBuiltYetSaySo) {
  for (const char* kind : {"schedules", "policies"}) {
    const Finished run = windtunnel({"list", kind});
    EXPECT_EQ(run.exit_code, 4) << kind;
    EXPECT_THAT(run.err, HasSubstr("not built yet")) << kind;
  }
}

TEST(List, EveryLibraryClusterIsAScenarioAway) {
  for (const std::string& name : names_of("clusters")) {
    const Finished run = windtunnel({"check", "-", "--set", "cluster=" + name}, {.input = kSmall});
    EXPECT_EQ(run.exit_code, 0) << name << ": " << run.err;
  }
}

TEST(Schema, IsAJsonSchemaThatNamesTheSchema) {
  const Finished run = windtunnel({"schema"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.err, IsEmpty());
  const json schema = json::parse(run.out);
  EXPECT_TRUE(schema.contains("$schema"));
  EXPECT_TRUE(schema.at("properties").contains("cluster"));
  EXPECT_TRUE(schema.at("properties").contains("workload"));
}

TEST(Check, SaysWhatWouldRunWithoutRunningIt) {
  const Finished run = windtunnel({"check", "-", "--format", "json"}, {.input = kSmall});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json rows = json::parse(run.out);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].at("cases"), 4);
  EXPECT_EQ(rows[0].at("gpus"), 4);
}

TEST(Check, PrintsAResolvedScenarioThatResolvesToItself) {
  const std::string folder = scratch_folder();
  write_text(folder + "/a.yaml", kSmall);
  const Finished first = windtunnel({"check", folder + "/a.yaml", "--print"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("switch_latency"));
  write_text(folder + "/b.yaml", first.out);
  const Finished second = windtunnel({"check", folder + "/b.yaml", "--print"});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(first.out, second.out);
}

TEST(Check, ExportsThePlatformForSimGrid) {
  const std::string file = scratch_folder() + "/platform.xml";
  const Finished run = windtunnel({"check", "-", "--export-simgrid", file}, {.input = kSmall});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(read_text(file), HasSubstr("<platform version="));
}

// Every file of tests/scenarios/broken, which its own tests look at line by line.
TEST(Check, EveryBrokenScenarioIsAnInputErrorWithItsPlaceAndNothingOnStdout) {
  const std::filesystem::path folder = WINDTUNNEL_SOURCE_DIR "/tests/scenarios/broken";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no broken scenarios here";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string file = entry.path().string();
    if (!file.ends_with(".yaml")) continue;
    ++files;
    for (const char* verb : {"check", "run"}) {
      const Finished run = windtunnel({verb, file});
      // Only a file that is not there is no mistake in the scenario.
      const bool missing = run.err.find("cannot read") != std::string::npos;
      EXPECT_EQ(run.exit_code, missing ? 4 : 3) << file << run.err;
      EXPECT_THAT(run.err, MatchesRegex("(.|\n)*\\.yaml:[0-9]+:[0-9]+: error: (.|\n)*")) << file;
      EXPECT_THAT(run.out, IsEmpty()) << file;
    }
  }
  EXPECT_GE(files, 15);
}

TEST(Check, SaysWhatRunWouldFindInfeasibleAtOnce) {
  const std::string text =
      "cluster: {use: dgx-h100, nodes: 1}\nmodel: llama3-70b\nworkload: {kind: train, "
      "global_batch: 8}\nstrategy: {tensor: 8}\n";
  const Finished one = windtunnel({"check", "-"}, {.input = text});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_THAT(one.out, HasSubstr("infeasible"));
  EXPECT_THAT(one.err, HasSubstr("valid, but infeasible: stage 0 needs"));
  const Finished sweep =
      windtunnel({"check", "-"}, {.input = text + "sweep: {model: [llama3-8b, llama3-70b]}\n"});
  EXPECT_THAT(sweep.out, HasSubstr("ok, 1 infeasible"));
  EXPECT_THAT(sweep.err,
              HasSubstr("valid, but 1 of 2 cases are infeasible, the first because stage 0"));
}

}  // namespace
}  // namespace windtunnel::tests

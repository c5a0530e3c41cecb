// Broken files: each under broken/ has its messages beside it in NAME.expected, to the letter. To
// accept new messages after reading them: WINDTUNNEL_ACCEPT=1 build/tests/tests_scenarios
// --gtest_filter='Broken*'.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include "tests/scenarios/support.hpp"

namespace windtunnel::scenarios {
namespace {

using testing::HasSubstr;

const std::string kFolder = WINDTUNNEL_SOURCE_DIR "/tests/scenarios/broken";

std::vector<std::string> broken_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class BrokenFile : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    previous_ = std::filesystem::current_path();
    std::filesystem::current_path(kFolder);
  }
  void TearDown() override { std::filesystem::current_path(previous_); }

 private:
  std::filesystem::path previous_;
};

TEST_P(BrokenFile, GivesItsMessages) {
  const Loaded loaded = load_file(GetParam() + ".yaml");
  EXPECT_FALSE(loaded.scenario);
  const std::string expected_path = GetParam() + ".expected";
  if (std::getenv("WINDTUNNEL_ACCEPT") != nullptr) std::ofstream(expected_path) << loaded.errors();
  EXPECT_EQ(loaded.errors(), bytes_of_file(expected_path));
}

TEST_P(BrokenFile, NamesAPlaceInEveryMessageAndKeepsItToOneLine) {
  const Loaded loaded = load_file(GetParam() + ".yaml");
  ASSERT_TRUE(loaded.diagnostics.has_errors());
  static const std::regex kShape(R"(^[^:\n]+\.yaml:[1-9][0-9]*:[1-9][0-9]*: error: [^\n]+$)");
  for (const base::Diagnostic& one : loaded.diagnostics.all()) {
    EXPECT_TRUE(std::regex_match(to_text(one), kShape)) << to_text(one);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, BrokenFile, testing::ValuesIn(broken_files()),
                         [](const auto& file) {
                           std::string name = file.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Broken, ThereAreManyFiles) {
  EXPECT_GE(broken_files().size(), 30U);
}

TEST(Broken, AFileOfFiftyMegabytesIsRefusedAtOnce) {
  const WorkingFolder folder;
  folder.write("large.yaml", std::string(50'000'000, 'x'));
  const auto start = std::chrono::steady_clock::now();
  const Loaded loaded = load_file("large.yaml");
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(
      loaded.errors(),
      "large.yaml:1:1: error: this file is too large for a scenario: at most 1024 KiB are read\n");
  EXPECT_LT(taken.count(), 2.0);
}

TEST(Broken, AFileThatCannotBeReadIsTheEnvironmentsFault) {
  const WorkingFolder folder;
  folder.write("folder.yaml/inside", "");
  for (const auto& [path, why] :
       {std::pair{"nowhere.yaml", "No such file"}, {"folder.yaml", "directory"}}) {
    try {
      load_file(path);
      ADD_FAILURE() << path;
    } catch (const base::EnvironmentError& error) {
      EXPECT_THAT(error.what(), HasSubstr(std::string("cannot read '") + path));
      EXPECT_THAT(error.what(), HasSubstr(why));
    }
  }
}

TEST(Broken, AWorkloadThatIsNotBuiltYetSaysSo) {
  for (const std::string kind : {"async_train", "data"}) {
    try {
      load_text("cluster: dgx-h100\nmodel: llama3-70b\nworkload: {kind: " + kind + "}\n");
      ADD_FAILURE() << kind;
    } catch (const NotBuilt& error) {
      EXPECT_EQ(std::string(error.what()),
                "test.yaml:3:18: error: the workload kind '" + kind + "' is not built yet");
    }
  }
}

TEST(Broken, ErrorsOfSetAreNamedByTheFlag) {
  const std::string errors = load_text(kSmall, {"cluster.nods=4", "workload.sizes=12",
                                                "engine.kind", "engine.seed=", "name=[x"})
                                 .errors();
  EXPECT_THAT(
      errors,
      HasSubstr("--set cluster.nods=4: error: there is no 'cluster.nods' in a scenario; did "
                "you mean 'cluster.nodes'?\n"));
  EXPECT_THAT(errors,
              HasSubstr("--set workload.sizes=12: error: workload.sizes: '12' needs a unit"));
  EXPECT_THAT(errors, HasSubstr("--set engine.kind: error: write --set path.to.field=VALUE\n"));
  EXPECT_THAT(errors, HasSubstr("--set engine.seed=: error: 'engine.seed' is given no value\n"));
  EXPECT_THAT(
      errors,
      HasSubstr(
          "--set name=[x: error: a key has to be plain text, not a list or mapping; or a bracket"));
}

TEST(Broken, AnErrorInASweepIsReportedOnceAtItsValue) {
  const Loaded loaded =
      load_text(kSmall + "sweep: {cluster.nodes: [1, 0, 2], engine.seed: [1, 2, 3]}\n");
  EXPECT_EQ(loaded.errors(),
            "test.yaml:8:28: error: cluster.nodes is 0; it has to be at least 1\n");
}

TEST(Broken, AMistakeOutsideASweepIsReportedOnce) {
  const Loaded loaded = load_text(kSmall + "nmae: x\nsweep: {engine.seed: [1, 2, 3]}\n");
  EXPECT_EQ(loaded.diagnostics.error_count(), 1) << loaded.errors();
}

}  // namespace
}  // namespace windtunnel::scenarios

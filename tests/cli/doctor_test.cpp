// `doctor` says what is there and never fails for what is not, unless asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.hpp"

namespace windtunnel::tests {
namespace {

using ::testing::HasSubstr;

TEST(Doctor, NamesEveryLibraryWithItsVersion) {
  const Finished run = windtunnel({"doctor"});
  EXPECT_EQ(run.exit_code, 0);
  for (const char* library : {"SimGrid", "Eigen", "yaml-cpp", "CLI11", "fmt", "nlohmann-json",
                              "pugixml", "ECharts", "engines", "profiles"}) {
    EXPECT_THAT(run.out, HasSubstr(std::string("\n") + library));
  }
}

TEST(Doctor, JsonIsAListWithAStateEach) {
  const auto rows = nlohmann::json::parse(windtunnel({"doctor", "--format", "json"}).out);
  ASSERT_FALSE(rows.empty());
  for (const auto& row : rows) {
    const std::string state = row.at("state");
    EXPECT_TRUE(state == "built in" || state == "found" || state == "not found") << row;
    EXPECT_FALSE(row.at("detail").get<std::string>().empty()) << row;
  }
}

TEST(Doctor, WhatIsRequiredAndMissingExitsWithFour) {
  const RunOptions bare{.environment = {{"PATH", "/nonexistent"}}};
  const Finished run = windtunnel({"doctor", "--require", "smpirun"}, bare);
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("smpirun was not found"));
  EXPECT_THAT(run.out, HasSubstr("smpirun"));  // the table is printed all the same
  EXPECT_EQ(windtunnel({"doctor"}, bare).exit_code, 0);
}

TEST(Doctor, AnUnknownRequirementIsUsage) {
  const Finished run = windtunnel({"doctor", "--require", "smpirn"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("did you mean 'smpirun'?"));
}

TEST(Doctor, AnUnknownProfileIsAnInputError) {
  const Finished run = windtunnel({"doctor", "--profile", "no-such-profile"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("no-such-profile"));
}

TEST(Doctor, NamesEveryKindOfWorkload) {
  EXPECT_THAT(windtunnel({"doctor"}).out, HasSubstr("collective, mix, serve, train"));
}

}  // namespace
}  // namespace windtunnel::tests

// `compare` and `report`: saved results in, exit codes out.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.hpp"

namespace windtunnel::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A saved result with one case a time.
std::string saved(const std::vector<double>& times) {
  std::string cases;
  for (std::size_t i = 0; i < times.size(); ++i) {
    cases += fmt::format(
        R"({}{{"name": "all_reduce ring {}KiB", "parameters": {{"workload.op": "all_reduce",
        "workload.algorithm": "ring", "workload.size": {}}}, "engine": "analytic", "status": "ok",
        "reason": "", "facts": {{"time_s": {}, "bytes": {}, "ranks": 8}}, "bands": {{}}, "rests_on": {{}},
        "tables": {{}}, "wall_s": 0.1, "events": 1}})",
        i == 0 ? "" : ",", i + 1, 1024 * (i + 1), times[i], 1024 * (i + 1));
  }
  return fmt::format(
      R"({{"schema": "windtunnel.result/1", "tool": {{"version": "1", "git": "x"}}, "scenario":
      {{"name": "s", "path": "s.yaml", "sha256": ""}}, "seed": 1, "cases": [{}], "fact_info": {{}},
      "warnings": []}})",
      cases);
}

struct Pair {
  std::string a;
  std::string b;
};

Pair saved_pair(const std::vector<double>& a, const std::vector<double>& b) {
  const std::string folder = scratch_folder();
  write_text(folder + "/a.json", saved(a));
  write_text(folder + "/b.json", saved(b));
  return {folder + "/a.json", folder + "/b.json"};
}

TEST(Compare, AResultEqualsItself) {
  const Pair files = saved_pair({1e-3, 2e-3}, {1e-3, 2e-3});
  const Finished run = windtunnel({"compare", files.a, files.b});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("all_reduce ring 1KiB"));
  EXPECT_THAT(run.err, IsEmpty());
}

TEST(Compare, ADifferenceBeyondTheToleranceExitsWithOne) {
  const Pair files = saved_pair({1e-3, 2e-3}, {1.04e-3, 2e-3});
  EXPECT_EQ(windtunnel({"compare", files.a, files.b}).exit_code, 1);
  EXPECT_EQ(windtunnel({"compare", files.a, files.b, "--tolerance", "5%"}).exit_code, 0);
  EXPECT_EQ(windtunnel({"compare", files.a, files.b, "--tolerance", "0.05"}).exit_code, 0);
  const Finished run = windtunnel({"compare", files.a, files.b, "--tolerance", "3%"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, HasSubstr("DIFFERS"));
  EXPECT_THAT(run.err, HasSubstr(" facts differ by more than 3 %"));
}

TEST(Compare, JsonHasTheRatio) {
  const Pair files = saved_pair({1e-3}, {1.5e-3});
  const Finished run = windtunnel({"compare", files.a, files.b, "--format", "json"});
  EXPECT_EQ(run.exit_code, 1);
  const auto table = nlohmann::json::parse(run.out).at("cases")[0].at("tables").at("comparison");
  const auto column = [&](const char* name) {
    const auto names = table.at("columns").get<std::vector<std::string>>();
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  };
  const auto& row = table.at("rows")[0];  // the largest deviation first
  EXPECT_NEAR(row[column("ratio")].get<double>(), 1.5, 1e-12);
  EXPECT_EQ(row[column("verdict")], "DIFFERS");
}

TEST(Compare, ACaseThatOnlyOneSideHasIsADifference) {
  const Pair files = saved_pair({1e-3}, {1e-3, 2e-3});
  const Finished run = windtunnel({"compare", files.a, files.b, "--tolerance", "50%"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, HasSubstr("only in B"));
}

TEST(Compare, OnlyTheFactsThatWereNamedCount) {
  const Pair files = saved_pair({1e-3}, {1.5e-3});
  EXPECT_EQ(windtunnel({"compare", files.a, files.b, "--fact", "bytes"}).exit_code, 0);
  EXPECT_EQ(windtunnel({"compare", files.a, files.b, "--fact", "nonsense"}).exit_code, 2);
}

TEST(Compare, WhatIsNoResultIsAnInputErrorWithItsPosition) {
  const Pair files = saved_pair({1e-3}, {1e-3});
  write_text(files.b, "{\n  \"schema\": nonsense\n");
  const Finished run = windtunnel({"compare", files.a, files.b});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("b.json:2:"));
  EXPECT_THAT(run.out, IsEmpty());
}

TEST(Compare, AFileThatIsNotThereIsTheEnvironment) {
  const Pair files = saved_pair({1e-3}, {1e-3});
  EXPECT_EQ(windtunnel({"compare", files.a, files.b + ".not"}).exit_code, 4);
}

TEST(Compare, AToleranceThatIsNoShareIsUsage) {
  const Pair files = saved_pair({1e-3}, {1e-3});
  for (const char* text : {"-1", "five", "5%%", "%"}) {
    EXPECT_EQ(windtunnel({"compare", files.a, files.b, "--tolerance", text}).exit_code, 2) << text;
  }
}

TEST(Report, RendersASavedResultAgain) {
  const Pair files = saved_pair({1e-3, 2e-3}, {1e-3});
  const std::string page = files.a + ".html";
  const Finished run = windtunnel({"report", files.a, "-o", page});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_TRUE(read_text(page).find("<!doctype html>") == 0) << "a page of HTML";
}

TEST(Report, TheEndingOfTheOutputNamesTheFormat) {
  const Pair files = saved_pair({1e-3, 2e-3}, {1e-3});
  const std::string text = files.a + ".md";
  EXPECT_EQ(windtunnel({"report", files.a, "-o", text}).exit_code, 0);
  EXPECT_THAT(read_text(text), HasSubstr("|"));
  EXPECT_EQ(windtunnel({"report", files.a, "-o", files.a + ".pdf"}).exit_code, 2);
}

TEST(Report, AnUnwritableOutputIsTheEnvironment) {
  const Pair files = saved_pair({1e-3}, {1e-3});
  const Finished run = windtunnel({"report", files.a, "-o", "/proc/no/report.html"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("/proc/no/report.html"));
}

TEST(Compare, TakesTheFolderOfARun) {
  const Pair files = saved_pair({1e-3}, {1e-3});
  const std::string folder = files.a.substr(0, files.a.rfind('/'));
  write_text(folder + "/result.json", read_text(files.a));
  const Finished run = windtunnel({"compare", folder, files.b});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("result.json"));
}

}  // namespace
}  // namespace windtunnel::tests

// `run`: streams, formats, files and exit codes.
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
using ::testing::Not;
using ::testing::StartsWith;

std::string scenario_file(const std::string& text) {
  const std::string path = scratch_folder() + "/scenario.yaml";
  write_text(path, text);
  return path;
}

Finished run_text(const std::string& text, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"run", scenario_file(text)});
  return windtunnel(more);
}

// The cases of a JSON result without their wall-clock times.
json cases_of(const std::string& text) {
  json cases = json::parse(text).at("cases");
  for (json& one : cases) one.erase("wall_s");
  return cases;
}

TEST(Run, PrintsATableOnStdoutAndNothingElse) {
  const Finished run = run_text(kSmall);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  for (const char* word : {"all_reduce", "ring", "tree", "1KiB", "1MiB"}) {
    EXPECT_THAT(run.out, HasSubstr(word));
  }
  EXPECT_THAT(run.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(run.err, IsEmpty());
}

TEST(Run, JsonIsTheResultOfTheContract) {
  const Finished run = run_text(kSmall, {"--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json result = json::parse(run.out);
  EXPECT_EQ(result.at("schema"), "windtunnel.result/1");
  EXPECT_EQ(result.at("scenario").at("name"), "small");
  EXPECT_EQ(result.at("scenario").at("sha256").get<std::string>().size(), 64U);
  EXPECT_EQ(result.at("seed"), 1);
  ASSERT_EQ(result.at("cases").size(), 4U);
  for (const json& one : result.at("cases")) {
    EXPECT_EQ(one.at("status"), "ok");
    for (const char* name : {"workload.op", "workload.algorithm", "workload.size"}) {
      EXPECT_TRUE(one.at("parameters").contains(name)) << name;
    }
    for (const char* name : {"time_s", "algbw_bytes_per_s", "busbw_bytes_per_s", "lower_bound_s",
                             "steps", "ranks", "bytes", "algorithm"}) {
      EXPECT_TRUE(one.at("facts").contains(name)) << name;
      EXPECT_TRUE(result.at("fact_info").contains(name)) << name;
    }
    EXPECT_GE(one.at("facts").at("time_s"), one.at("facts").at("lower_bound_s"));
  }
}

TEST(Run, EveryFactHasItsInfoAndEveryInfoADescription) {
  const json result = json::parse(run_text(kSmall, {"--format", "json"}).out);
  for (const json& one : result.at("cases")) {
    for (const auto& [name, value] : one.at("facts").items()) {
      ASSERT_TRUE(result.at("fact_info").contains(name)) << name;
      EXPECT_FALSE(result.at("fact_info").at(name).at("description").get<std::string>().empty());
    }
  }
}

TEST(Run, TheNumberOfJobsChangesNothing) {
  const std::string text = small_with("engine: {kind: simgrid}");
  const json one = cases_of(run_text(text, {"--format", "json", "--jobs", "1"}).out);
  const json four = cases_of(run_text(text, {"--format", "json", "--jobs", "4"}).out);
  EXPECT_EQ(one.dump(), four.dump());
}

TEST(Run, ARepeatedRunIsByteIdentical) {
  EXPECT_EQ(run_text(kSmall, {"--format", "csv"}).out, run_text(kSmall, {"--format", "csv"}).out);
}

TEST(Run, CsvHasAHeaderAndARowACase) {
  const Finished run = run_text(kSmall, {"--format", "csv"});
  EXPECT_THAT(run.out, StartsWith("case,"));
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 5);
}

TEST(Run, MarkdownHasTables) {
  EXPECT_THAT(run_text(kSmall, {"--format", "markdown"}).out, HasSubstr("| --"));
}

TEST(Run, OutWritesFourWholeFiles) {
  const std::string scenario = scenario_file(kSmall);
  const std::string folder = scenario + ".d/deep/out";
  const Finished run = windtunnel({"run", scenario, "--out", folder});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.insert(entry.path().filename());
    EXPECT_GT(entry.file_size(), 0U);
  }
  EXPECT_EQ(names,
            (std::set<std::string>{"report.html", "result.csv", "result.json", "trace.json"}));
  EXPECT_EQ(json::parse(read_text(folder + "/result.json")).at("cases").size(), 4U);
  EXPECT_TRUE(json::accept(read_text(folder + "/trace.json")));
  EXPECT_THAT(run.err, HasSubstr(folder));
}

TEST(Run, AnOutFolderThatCannotBeMadeIsTheEnvironment) {
  for (const char* folder : {"/proc/no/such", "/dev/null/x", "/dev/null"}) {
    const Finished run = run_text(kSmall, {"--out", folder});
    EXPECT_EQ(run.exit_code, 4) << folder;
    EXPECT_THAT(run.err, HasSubstr(folder));
    EXPECT_THAT(run.out, IsEmpty()) << "found out before the work is done";
  }
}

TEST(Run, SetChangesAFieldAndIsAParameter) {
  const Finished run = run_text(
      kSmall, {"--format", "json", "--set", "workload.sizes=[64KiB]", "--set", "name=other"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json result = json::parse(run.out);
  ASSERT_EQ(result.at("cases").size(), 2U);
  EXPECT_EQ(result.at("cases")[0].at("facts").at("bytes"), 65536);
}

TEST(Run, ASetOfAnUnknownFieldIsAnInputError) {
  const Finished run = run_text(kSmall, {"--set", "workload.sices=[64KiB]"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("did you mean"));
  EXPECT_THAT(run.out, IsEmpty());
}

TEST(Run, ASweepMakesAPointOfEveryCombination) {
  const std::string sweep =
      "sweep: {workload.root: [0, 1], cluster.node.scale_up.latency: [1us, 2us]}";
  const Finished run = run_text(small_with(sweep), {"--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json result = json::parse(run.out);
  EXPECT_EQ(result.at("cases").size(), 16U);
  std::set<std::string> names;
  for (const json& one : result.at("cases")) {
    EXPECT_TRUE(one.at("parameters").contains("workload.root"));
    names.insert(one.at("name"));
  }
  EXPECT_EQ(names.size(), 16U) << "names of cases are unique";
}

TEST(Run, SeedAndEngineOverrideTheFile) {
  const Finished run = run_text(kSmall, {"--format", "json", "--seed", "7", "--engine", "simgrid"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json result = json::parse(run.out);
  EXPECT_EQ(result.at("seed"), 7);
  EXPECT_EQ(result.at("cases")[0].at("engine"), "simgrid");
}

TEST(Run, ExpectationsThatHoldExitWithZero) {
  const Finished run = run_text(small_with("expect: {time_s: {min: 1e-9, max: 1}}"));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("time_s"));
}

TEST(Run, AnExpectationThatFailsExitsWithOneAndShowsWhatCameOut) {
  const Finished run = run_text(small_with("expect: {time_s: {value: 1s, tolerance: 10%}}"));
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, HasSubstr("FAILS"));
  EXPECT_THAT(run.err, HasSubstr("4 of 4 expectations failed"));
}

TEST(Run, SeveralScenariosMakeOneResult) {
  const std::string folder = scratch_folder();
  write_text(folder + "/a.yaml", kSmall);
  write_text(folder + "/b.yaml", kSmall);
  const Finished run = windtunnel(
      {"run", folder + "/a.yaml", folder + "/b.yaml", "--format", "json", "--set", "name=x"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json result = json::parse(run.out);
  EXPECT_EQ(result.at("scenarios").size(), 2U);
  EXPECT_EQ(result.at("cases").size(), 8U);
}

TEST(Run, AScenarioMayComeFromStdin) {
  const Finished run = windtunnel({"run", "-", "--format", "csv"}, {.input = kSmall});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 5);
}

TEST(Run, ErrorsOfAllFilesComeAtOnceAndNothingRuns) {
  const std::string folder = scratch_folder();
  write_text(folder + "/a.yaml", small_with("nonsense: 1"));
  write_text(folder + "/b.yaml", small_with("rubbish: 2"));
  write_text(folder + "/c.yaml", kSmall);
  const Finished run =
      windtunnel({"run", folder + "/a.yaml", folder + "/b.yaml", folder + "/c.yaml"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("/a.yaml:7:1: error: "));
  EXPECT_THAT(run.err, HasSubstr("/b.yaml:7:1: error: "));
  EXPECT_THAT(run.out, IsEmpty());
}

// Contract: 4, something is missing in the environment (an unreadable file); 3, invalid input.
TEST(Run, AFileThatAScenarioNamesAndNobodyCanReadExitsWithFourAndItsPlace) {
  const std::string serving =
      "cluster: {use: dgx-h100, nodes: 1}\nmodel: llama3-8b\n"
      "workload: {kind: serve, trace: not-there.csv}\n";
  const Finished missing = run_text(serving);
  EXPECT_EQ(missing.exit_code, 4) << missing.err;
  EXPECT_THAT(missing.err, HasSubstr("scenario.yaml:3:32: error: cannot read '"));
  EXPECT_THAT(missing.err, HasSubstr("not-there.csv': No such file"));
  const Finished wrong_too = run_text(serving + "strategy: {tensr: 2}\n");
  EXPECT_EQ(wrong_too.exit_code, 3);
  for (const char* cluster : {"nowhere.yaml", "{nccl_topo: nowhere.xml, nodes: 2}"}) {
    const Finished run = run_text(std::string("cluster: ") + cluster +
                                  "\nworkload: {kind: collective, op: all_reduce}\n");
    EXPECT_EQ(run.exit_code, 4) << run.err;
    EXPECT_THAT(run.err, HasSubstr("scenario.yaml:1:"));
  }
}

TEST(Run, WarningsOfOneCauseAreOneSentenceAndTheResultKeepsThemAll) {
  const std::string text =
      "cluster: {use: dgx-h100, nodes: 1}\nmodel: llama3-8b\n"
      "workload:\n  kind: serve\n  arrivals: {process: poisson, rate: 2/s, requests: 10}\n"
      "  lengths: {input: {constant: 64}, output: {constant: 8}}\n"
      "strategy: {software: sglang}\n";
  const Finished run = run_text(text, {"--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto warnings = json::parse(run.out).at("warnings");
  const auto lines = [](const std::string& all) {
    return std::count(all.begin(), all.end(), '\n');
  };
  const auto missing = std::count_if(warnings.begin(), warnings.end(), [](const json& one) {
    return one.get<std::string>().find("no rows of ") != std::string::npos;
  });
  ASSERT_GT(missing, 2) << run.err;
  EXPECT_THAT(run.err, HasSubstr("--verbose says which for which"));
  EXPECT_EQ(lines(run.err), std::ssize(warnings) - missing + 1);
  const Finished all = run_text(text, {"--verbose"});
  EXPECT_EQ(lines(all.err), std::ssize(warnings)) << all.err;
  EXPECT_THAT(run_text(text, {"--quiet"}).err, IsEmpty());
}

TEST(Run, AWorkloadThatIsNotBuiltYetExitsWithFour) {
  const Finished run =
      run_text("schema: windtunnel/1\nname: t\ncluster: teaching-4gpu\nworkload: {kind: data}\n");
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("not built yet"));
}

}  // namespace
}  // namespace windtunnel::tests

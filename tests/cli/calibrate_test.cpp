// `calibrate` and `validate`: measurements in, profile out, errors shown; on rows made here from a
// known law.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/cli/program.hpp"

namespace windtunnel::tests {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Ring all-reduce on nodes of 8 GPUs: a start-up, a latency a step and a bandwidth that the network
// halves, with +-4 % that repeats.
double time_of(int nodes, double bytes) {
  const double ranks = 8.0 * nodes;
  const double rate = nodes == 1 ? 300e9 : 150e9;
  const double wiggle = 1.0 + 0.04 * std::sin(bytes + 7.0 * nodes);
  return (8e-6 + 2e-6 * std::log2(ranks) + 2 * (ranks - 1) / ranks * bytes / rate) * wiggle;
}

std::string rows_for(const std::vector<int>& nodes) {
  std::string text =
      "kind,op,bytes,ranks,nodes,gpus_per_node,time_s,gpu,fabric,interconnect,launch,source\n";
  for (const int count : nodes) {
    for (double bytes = 1024; bytes <= 1024.0 * 1024 * 1024; bytes *= 4) {
      text += fmt::format(
          "collective,all_reduce,{:.0f},{},{},8,{:.6e},h100-sxm,my-cluster,8x400Gb/s,"
          "per_gpu_process,made here\n",
          bytes, 8 * count, count, time_of(count, bytes));
    }
  }
  return text;
}

// What nccl-tests 2.13 prints, from the same law; without rank lines where they are not asked for.
std::string log_for(int nodes) {
  std::string text =
      "# nThread 1 nGpus 1 minBytes 1024 maxBytes 1073741824 step: 4(factor) warmup iters: 5 "
      "iters: 20\n"
      "#                                                              out-of-place                 "
      "      in-place\n"
      "#       size         count      type   redop    root     time   algbw   busbw #wrong     "
      "time   algbw   busbw #wrong\n"
      "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            "
      "(us)  (GB/s)  (GB/s)\n";
  for (double bytes = 1024; bytes <= 1024.0 * 1024 * 1024; bytes *= 4) {
    const double us = 1e6 * time_of(nodes, bytes);
    const std::string half = fmt::format("{:9.2f} {:7.2f} {:7.2f}      0", us, bytes / us / 1e3,
                                         bytes / us / 1e3 * 2 * 7 / 8);
    text += fmt::format("{:12.0f} {:13.0f}     float     sum      -1 {} {}\n", bytes, bytes / 4,
                        half, half);
  }
  return text;
}

struct Files {
  std::string rows;
  std::string profile;
};

Files fitted(const std::vector<int>& nodes) {
  const std::string folder = scratch_folder();
  Files files{folder + "/rows.csv", folder + "/my.yaml"};
  write_text(files.rows, rows_for(nodes));
  const Finished run =
      windtunnel({"calibrate", files.rows, "--fabric", "my-cluster", "-o", files.profile});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  return files;
}

json facts_of(const Finished& run) {
  return json::parse(run.out).at("cases")[0].at("facts");
}

TEST(Calibrate, WritesAProfileAndShowsTheErrorsOnRowsHeldOut) {
  const std::string folder = scratch_folder();
  write_text(folder + "/rows.csv", rows_for({1, 2, 4}));
  const Finished run = windtunnel({"calibrate", folder + "/rows.csv", "--fabric", "my-cluster",
                                   "-o", folder + "/my.yaml", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json facts = facts_of(run);
  EXPECT_GT(facts.at("rows"), 0);
  EXPECT_EQ(facts.at("rows_fitted"), 33);
  EXPECT_LT(facts.at("median_abs_error"), 0.25);
  EXPECT_THAT(run.err, HasSubstr("33 rows fitted"));
  const std::string profile = read_text(folder + "/my.yaml");
  EXPECT_THAT(profile, HasSubstr("my-cluster"));
  EXPECT_THAT(profile, HasSubstr("rows.csv"));
}

TEST(Calibrate, ShowsTheFittedParametersWithErrorsBesideTheResiduals) {
  const std::string folder = scratch_folder();
  write_text(folder + "/rows.csv", rows_for({1, 2, 4}));
  const Finished run = windtunnel({"calibrate", folder + "/rows.csv", "--fabric", "my-cluster",
                                   "-o", folder + "/my.yaml", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json tables = json::parse(run.out).at("cases")[0].at("tables");
  EXPECT_GT(tables.at("residuals").at("rows").size(), 0U);
  const json parameters = tables.at("parameters");
  int from_rows = 0;
  for (const json& row : parameters.at("rows")) {
    EXPECT_EQ(row[0], "my-cluster");
    EXPECT_GT(row[4], 0.0) << row;
    EXPECT_GT(row[5], 0.0) << row;
    if (row[7] == "rows") ++from_rows;
  }
  EXPECT_GT(from_rows, 0);
  EXPECT_LT(from_rows, static_cast<int>(parameters.at("rows").size()));
  const Finished page = windtunnel(
      {"calibrate", folder + "/rows.csv", "--fabric", "my-cluster", "-o", folder + "/my.yaml"});
  EXPECT_THAT(page.out, HasSubstr("Fitted parameters"));
  EXPECT_THAT(page.out, HasSubstr("rows predicted with a median absolute error of"));
}

TEST(Calibrate, TheProfilePredictsNodesItHasNotSeen) {
  const Files files = fitted({1, 2, 4});
  write_text(files.rows, rows_for({8}));
  const Finished run = windtunnel({"validate", files.profile, files.rows, "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json facts = facts_of(run);
  EXPECT_EQ(facts.at("rows"), 11);
  EXPECT_LT(facts.at("median_abs_error"), 0.3);
  for (const char* fact : {"mean_abs_error", "p90_abs_error", "max_abs_error", "bias",
                           "null_mean_abs_error", "inside_band", "band_width_median", "skipped"}) {
    EXPECT_TRUE(facts.contains(fact)) << fact;
  }
}

TEST(Calibrate, AScenarioCanUseTheProfile) {
  const Files files = fitted({1, 2, 4});
  const std::string scenario =
      "schema: windtunnel/1\nname: s\ncluster: {use: dgx-h100, nodes: 2, name: my-cluster}\n"
      "workload: {kind: collective, op: all_reduce, algorithms: [ring], sizes: [16MiB]}\n"
      "calibration: " +
      files.profile + "\n";
  const Finished run = windtunnel({"run", "-", "--format", "json"}, {.input = scenario});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json one = json::parse(run.out).at("cases")[0];
  EXPECT_EQ(one.at("engine"), "model");
  EXPECT_TRUE(one.at("bands").contains("time_s"));
}

TEST(Calibrate, NeedsANameAndAPlaceForTheProfile) {
  const std::string rows = scratch_folder() + "/rows.csv";
  write_text(rows, rows_for({1}));
  EXPECT_THAT(windtunnel({"calibrate", rows, "-o", "/dev/null"}).err,
              HasSubstr("--gpu NAME or --fabric NAME"));
  const Finished run = windtunnel({"calibrate", rows, "--gpu", "h100-sxm"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("-o PROFILE.yaml is missing"));
}

TEST(Calibrate, ATargetThatCannotBeWrittenIsSaidBeforeTheFit) {
  const std::string folder = scratch_folder();
  const std::string rows = folder + "/rows.csv";
  write_text(rows, rows_for({1}));
  for (const std::string& target : {rows + "/p.yaml", rows + "/deeper/p.yaml"}) {
    // The file of rows is not there: had it been read first, it would be the one complained about.
    const Finished run =
        windtunnel({"calibrate", folder + "/none.csv", "--gpu", "x", "-o", target});
    EXPECT_EQ(run.exit_code, 4);
    EXPECT_THAT(run.err, HasSubstr("cannot write " + target));
  }
}

TEST(Calibrate, WhereKeepsTheRowsThatPass) {
  const std::string folder = scratch_folder();
  write_text(folder + "/rows.csv", rows_for({1, 2}));
  const Finished run =
      windtunnel({"calibrate", folder + "/rows.csv", "--gpu", "h100-sxm", "--where", "nodes=2",
                  "-o", folder + "/p.yaml", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(facts_of(run).at("rows_fitted"), 11);
}

TEST(Calibrate, NothingLeftToFitSaysWhyAndOfWhichFile) {
  const std::string folder = scratch_folder();
  write_text(folder + "/rows.csv", rows_for({1, 2}));
  write_text(folder + "/run.log", log_for(1));
  const auto said = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "calibrate");
    for (const char* more : {"--gpu", "x", "-o"}) arguments.emplace_back(more);
    arguments.push_back(folder + "/p.yaml");
    const Finished run = windtunnel(arguments);
    EXPECT_EQ(run.exit_code, 3);
    return run.err;
  };
  EXPECT_THAT(said({folder + "/run.log"}),
              HasSubstr("run.log: 11 rows: the log does not say which collective it measured (pass "
                        "--op)"));
  EXPECT_THAT(said({folder + "/rows.csv", "--where", "fabric=my-clustr"}),
              HasSubstr("rows.csv: none of 22 rows passes --where fabric=my-clustr; fabric there: "
                        "my-cluster; did you mean 'my-cluster'?"));
}

TEST(Calibrate, AMistypedColumnIsAnsweredWithTheNearestOne) {
  const std::string rows = scratch_folder() + "/rows.csv";
  write_text(rows, rows_for({1}));
  const Finished run =
      windtunnel({"calibrate", rows, "--gpu", "x", "--where", "node=2", "-o", rows + ".yaml"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("did you mean 'nodes'?"));
  EXPECT_FALSE(exists(rows + ".yaml"));
  EXPECT_EQ(windtunnel({"validate", rows, "--where", "nodes"}).exit_code, 2);
}

TEST(Validate, AnNcclTestsLogGoesStraightIn) {
  const Files files = fitted({1, 2, 4});
  const std::string log = files.rows + ".log";
  write_text(log, log_for(1));
  const Finished run = windtunnel({"validate", files.profile, log, "--op", "all_reduce", "--gpu",
                                   "h100-sxm", "--fabric", "my-cluster", "--nodes", "1",
                                   "--gpus-per-node", "8", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(facts_of(run).at("rows"), 11);
  EXPECT_LT(facts_of(run).at("median_abs_error"), 0.25);
}

TEST(Validate, NodesOfALogWithoutRankLinesComeFromTheFlags) {
  const Files files = fitted({1, 2, 4});
  const std::string log = files.rows + ".log";
  write_text(log, log_for(4));
  const Finished run = windtunnel({"validate", files.profile, log, "--op", "all_reduce", "--gpu",
                                   "h100-sxm", "--fabric", "my-cluster", "--nodes", "4",
                                   "--gpus-per-node", "8", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(facts_of(run).at("rows"), 11);
  const json table = json::parse(run.out).at("cases")[0].at("tables").at("rows");
  EXPECT_LT(facts_of(run).at("median_abs_error"), 0.3) << table;
}

TEST(Validate, RowsThatCannotBePredictedAreCountedNotDropped) {
  const Files files = fitted({1, 2});
  std::string text = rows_for({1});
  text += "collective,all_reduce,1024,8,1,8,,h100-sxm,my-cluster,,,no time\n";
  text += "collective,barrier,1024,8,1,8,1e-5,h100-sxm,my-cluster,,,no such op\n";
  write_text(files.rows, text);
  const Finished run = windtunnel({"validate", files.profile, files.rows, "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(facts_of(run).at("rows"), 11);
  EXPECT_EQ(facts_of(run).at("skipped"), 2);
  EXPECT_EQ(json::parse(run.out).at("cases")[0].at("tables").at("skipped").at("rows").size(), 2U);
}

TEST(Validate, AProfileMayBeLeftOut) {
  const std::string rows = scratch_folder() + "/rows.csv";
  write_text(rows, rows_for({1, 2}));
  const Finished run = windtunnel({"validate", rows});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("rows.csv"));
}

TEST(Validate, RowsOfTheFitAreSaidToBeNoTest) {
  const Files files = fitted({1, 2});
  const Finished same = windtunnel({"validate", files.profile, files.rows});
  EXPECT_THAT(same.err, HasSubstr("was fitted to these rows"));
  write_text(files.rows, rows_for({4}));
  EXPECT_THAT(windtunnel({"validate", files.profile, files.rows}).err, IsEmpty());
}

TEST(Validate, ACaseAFile) {
  const std::string folder = scratch_folder();
  write_text(folder + "/a.csv", rows_for({1}));
  write_text(folder + "/b.csv", rows_for({2}));
  const Finished run =
      windtunnel({"validate", folder + "/a.csv", folder + "/b.csv", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(json::parse(run.out).at("cases").size(), 2U);
}

TEST(Validate, WhatIsNoMeasurementIsAnInputErrorWithItsPlace) {
  const std::string file = scratch_folder() + "/notes.txt";
  write_text(file, "these are no measurements\n");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"validate", file},
        std::vector<std::string>{"calibrate", file, "--gpu", "x", "-o", file + ".yaml"}}) {
    const Finished run = windtunnel(arguments);
    EXPECT_EQ(run.exit_code, 3);
    EXPECT_THAT(run.err, HasSubstr("notes.txt:1:1: error: "));
    EXPECT_THAT(run.out, IsEmpty());
  }
  EXPECT_EQ(windtunnel({"validate", file + ".not"}).exit_code, 4);
}

TEST(Validate, ABrokenProfileIsAnInputError) {
  const std::string folder = scratch_folder();
  write_text(folder + "/p.yaml", "schema: nonsense\n");
  write_text(folder + "/a.csv", rows_for({1}));
  const Finished run = windtunnel({"validate", folder + "/p.yaml", folder + "/a.csv"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("p.yaml"));
}

}  // namespace
}  // namespace windtunnel::tests

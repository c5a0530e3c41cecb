// `run` of a training job on each engine, from the command line.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/cli/program.hpp"

namespace windtunnel::tests {
namespace {

using nlohmann::json;

constexpr const char* kTrain = R"(schema: windtunnel/1
name: every-rank
cluster: {use: dgx-h100, nodes: 4}
model: gpt3-1.3b
workload: {kind: train, sequence_length: 2048, global_batch: 64}
strategy: {tensor: 4, pipeline: 2}
)";

Finished run_train(std::vector<std::string> more) {
  const std::string path = scratch_folder() + "/train.yaml";
  write_text(path, kTrain);
  more.insert(more.begin(), {"run", path, "--format", "json"});
  return windtunnel(more);
}

json only_case(const Finished& run) {
  EXPECT_EQ(run.exit_code, 0) << run.err;
  json one = json::parse(run.out).at("cases").at(0);
  one.erase("wall_s");
  return one;
}

double time_of(const json& one) {
  return one.at("facts").at("iteration_time_s").get<double>();
}

TEST(TrainEngines, EveryRankTakesTheTimeOfOneOfEachStage) {
  const json folded = only_case(run_train({}));
  const json every = only_case(run_train({"--set", "engine.ranks=every"}));
  EXPECT_NEAR(time_of(every) / time_of(folded), 1.0, 1e-9);
  EXPECT_EQ(folded.at("engine"), "analytic");
  EXPECT_EQ(every.at("engine"), "analytic");
  EXPECT_GT(every.at("events").get<double>(), 8 * folded.at("events").get<double>());
}

TEST(TrainEngines, SimgridGivesTheSameAgainAndAgainWithSeveralJobs) {
  const Finished first = run_train({"--engine", "simgrid"});
  const json one = only_case(first);
  EXPECT_EQ(one.at("engine"), "simgrid");
  EXPECT_TRUE(one.at("facts").contains("unshared_iteration_time_s"));
  EXPECT_EQ(only_case(run_train({"--engine", "simgrid", "--jobs", "2"})), one);
  EXPECT_GE(time_of(one), time_of(only_case(run_train({}))) * (1 - 1e-5));
}

TEST(TrainEngines, TraceHasATrackForEachStreamOfARankAndArrowsBetweenThem) {
  const std::string folder = scratch_folder() + "/out";
  run_train({"--engine", "simgrid", "--out", folder});
  const json trace = json::parse(read_text(folder + "/trace.json"));
  std::set<std::string> tracks;
  std::size_t arrows = 0;
  for (const json& event : trace.at("traceEvents")) {
    if (event.at("name") == "thread_name") tracks.insert(event.at("args").at("name"));
    if (event.at("ph") != "s") continue;
    ++arrows;
    EXPECT_GT(event.at("args").at("bytes").get<double>(), 0.0);
  }
  EXPECT_GT(arrows, 0U);
  for (const char* name :
       {"rank 0 · compute", "rank 0 · p2p · send", "rank 31 · p2p · receive", "rank 31 · data"}) {
    EXPECT_TRUE(tracks.contains(name)) << name;
  }
}

}  // namespace
}  // namespace windtunnel::tests

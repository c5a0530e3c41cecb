// Terminals, pipes, colours and signals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/scenario_text.hpp"

namespace windtunnel::tests {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string scenario_file(const std::string& text) {
  const std::string path = scratch_folder() + "/scenario.yaml";
  write_text(path, text);
  return path;
}

TEST(Streams, AReaderThatGoesAwayIsNoError) {
  const std::string file = scenario_file(kSmall);
  const Finished run = shell("set -o pipefail; \"$WT\" run " + file + " | true");
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.err, IsEmpty());
  EXPECT_THAT(shell("\"$WT\" schema | head -c 10 >/dev/null").err, IsEmpty());
}

TEST(Streams, AFullDiskIsSaid) {
  const Finished run = windtunnel({"--help"}, {.stdout_path = "/dev/full"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("cannot write to standard output: No space left on device"));
}

TEST(Color, IsUsedOnATerminalOnly) {
  const std::string file = scenario_file(kSmall);
  EXPECT_THAT(windtunnel_on_terminal({"run", file}).err, HasSubstr("\x1b["));
  EXPECT_THAT(windtunnel({"run", file}).out, Not(HasSubstr("\x1b[")));
}

TEST(Color, NoColorAndADumbTerminalAreObeyed) {
  const std::string file = scenario_file(kSmall);
  for (const RunOptions& options : {RunOptions{.environment = {{"NO_COLOR", "1"}}},
                                    RunOptions{.environment = {{"TERM", "dumb"}}}}) {
    EXPECT_THAT(windtunnel_on_terminal({"run", file}, options).err, Not(HasSubstr("\x1b[")));
  }
}

TEST(Color, TheFlagOverridesTheEnvironment) {
  const std::string file = scenario_file(kSmall);
  const RunOptions no_color{.environment = {{"NO_COLOR", "1"}}};
  EXPECT_THAT(windtunnel({"run", file, "--color", "always"}, no_color).out, HasSubstr("\x1b["));
  EXPECT_THAT(windtunnel_on_terminal({"run", file, "--color", "never"}).err,
              Not(HasSubstr("\x1b[")));
}

TEST(Color, NeverEntersJson) {
  const std::string file = scenario_file(kSmall);
  const Finished run = windtunnel({"run", file, "--color", "always", "--format", "json"});
  EXPECT_TRUE(json::accept(run.out));
  EXPECT_THAT(run.out, Not(HasSubstr("\x1b[")));
}

TEST(Progress, IsShownOnATerminalAfterASecondAndTakenAway) {
  const std::string file = scenario_file(kLong);
  const RunOptions stop{.signal = SIGINT, .signal_after = std::chrono::milliseconds(2500)};
  const Finished run = windtunnel_on_terminal({"run", file, "--jobs", "1"}, stop);
  EXPECT_THAT(run.err, HasSubstr(" cases  "));
  EXPECT_THAT(run.err, HasSubstr(" left"));
  EXPECT_THAT(run.err, HasSubstr("\r\x1b[K"));
}

TEST(Progress, IsNeverShownOffATerminalOrWhenRefused) {
  const std::string file = scenario_file(kLong);
  const RunOptions stop{.signal = SIGINT, .signal_after = std::chrono::milliseconds(2000)};
  EXPECT_THAT(windtunnel({"run", file, "--jobs", "1"}, stop).err, Not(HasSubstr(" left")));
  EXPECT_THAT(windtunnel_on_terminal({"run", file, "--jobs", "1", "--no-progress"}, stop).err,
              Not(HasSubstr(" left")));
}

TEST(Interrupt, KeepsTheFinishedCasesAndExitsWith130) {
  const std::string file = scenario_file(kLong);
  const std::string folder = file + ".out";
  const RunOptions stop{.signal = SIGINT, .signal_after = std::chrono::milliseconds(2000)};
  const Finished run =
      windtunnel({"run", file, "--jobs", "2", "--format", "json", "--out", folder}, stop);
  EXPECT_EQ(run.exit_code, 130);
  EXPECT_THAT(run.err, HasSubstr("cases finished and are kept"));
  ASSERT_TRUE(json::accept(run.out));
  const json cases = json::parse(run.out).at("cases");
  EXPECT_FALSE(cases.empty());
  EXPECT_LT(cases.size(), 87U);
  for (const json& one : cases) EXPECT_EQ(one.at("status"), "ok");
  EXPECT_EQ(json::parse(read_text(folder + "/result.json")).at("cases").size(), cases.size());
}

TEST(Worker, ThatIsKilledTakesDownItsCaseOnly) {
  const std::string file = scenario_file(kLong);
  const std::string out = file + ".json";
  const Finished run =
      shell("\"$WT\" run " + file +
            " --jobs 2 --format json --set 'workload.sizes=[1MiB, 2MiB, 3MiB]' >" + out +
            " & pid=$!\n"
            "for try in $(seq 100); do children=$(cat /proc/$pid/task/$pid/children); "
            "[ -n \"$children\" ] && break; sleep 0.01; done\n"
            "kill -9 ${children%% *}; wait $pid");
  EXPECT_EQ(run.exit_code, 4) << "killed from outside: not a bug of ours";
  EXPECT_THAT(run.err, HasSubstr("signal 9"));
  const json cases = json::parse(read_text(out)).at("cases");
  ASSERT_EQ(cases.size(), 3U);
  int failed = 0;
  for (const json& one : cases) {
    if (one.at("status") == "ok") continue;
    ++failed;
    EXPECT_EQ(one.at("status"), "failed");
    EXPECT_THAT(one.at("reason").get<std::string>(), HasSubstr("killed by signal 9"));
  }
  EXPECT_EQ(failed, 1);
}

}  // namespace
}  // namespace windtunnel::tests

// The command line before any verb does its work: help, version, mistyped words, exit 2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/program.hpp"

namespace windtunnel::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

TEST(Usage, NoArgumentsPrintTheHelpPageOnStdout) {
  const Finished run = windtunnel({});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.out, HasSubstr("Usage: windtunnel VERB"));
  EXPECT_THAT(run.err, IsEmpty());
}

TEST(Usage, TheHelpPageNamesEveryVerbOfTheContract) {
  const Finished run = windtunnel({"--help"});
  for (const char* verb : {"run", "check", "plan", "calibrate", "validate", "compare", "report",
                           "explain", "lab", "list", "schema", "doctor"}) {
    EXPECT_THAT(run.out, HasSubstr(std::string("\n  ") + verb + " "));
  }
  EXPECT_EQ(windtunnel({"help"}).out, run.out);
}

TEST(Usage, VersionIsReleaseAndRevision) {
  const Finished run = windtunnel({"--version"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.out, MatchesRegex("windtunnel [0-9]+\\.[0-9]+\\.[0-9]+ \\([a-z0-9-]+\\)\n"));
}

TEST(Usage, EveryVerbHasAHelpPage) {
  for (const char* verb : {"run", "check", "plan", "calibrate", "validate", "compare", "report",
                           "explain", "lab", "list", "schema", "doctor"}) {
    const Finished run = windtunnel({verb, "--help"});
    EXPECT_EQ(run.exit_code, 0) << verb;
    EXPECT_THAT(run.out, HasSubstr(verb));
    EXPECT_THAT(run.err, IsEmpty());
    EXPECT_EQ(windtunnel({"help", verb}).out, run.out);
  }
}

TEST(Usage, EverySimulatingVerbHasTheFlagsOfTheContract) {
  const std::string page = windtunnel({"run", "--help"}).out;
  for (const char* flag : {"--engine", "--set", "--seed", "--jobs", "--format", "--out", "--quiet",
                           "--no-progress", "--color"}) {
    EXPECT_THAT(page, HasSubstr(flag));
  }
}

TEST(Usage, AMistypedVerbIsAnsweredWithTheNearestOne) {
  const Finished run = windtunnel({"calibarte"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_EQ(run.err,
            "windtunnel: error: there is no verb 'calibarte'; did you mean 'calibrate'?\n"
            "See `windtunnel --help`.\n");
}

TEST(Usage, AMistypedFlagIsAnsweredWithTheNearestOne) {
  for (const char* flag : {"--enginee", "--enginee=simgrid", "-engine"}) {
    const Finished run = windtunnel({"run", "x.yaml", flag});
    EXPECT_EQ(run.exit_code, 2) << flag;
    EXPECT_THAT(run.err, HasSubstr("did you mean '--engine'?")) << flag;
    EXPECT_THAT(run.err, HasSubstr("See `windtunnel run --help`."));
  }
}

TEST(Usage, AMistypedChoiceIsAnsweredWithTheNearestOne) {
  const Finished run = windtunnel({"run", "x.yaml", "--engine", "simgird"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("'simgird' is not a choice; did you mean 'simgrid'?"));
  EXPECT_THAT(windtunnel({"run", "x.yaml", "--format", "xml"}).err,
              HasSubstr("(table, json, csv, markdown)"));
}

TEST(Usage, NumbersAreReadWholeAndInRange) {
  for (const char* jobs : {"0", "-1", "two", "2.5", "4x", "", "99999999999999999999"}) {
    const Finished run = windtunnel({"run", "x.yaml", std::string("--jobs=") + jobs});
    EXPECT_EQ(run.exit_code, 2) << jobs;
  }
  EXPECT_THAT(windtunnel({"run", "x.yaml", "--jobs=0"}).err,
              HasSubstr("'0' is not a whole number from 1 to 1024"));
  EXPECT_EQ(windtunnel({"run", "x.yaml", "--seed", "1e3"}).exit_code, 2);
}

TEST(Usage, AMissingFileArgumentIsUsage) {
  const Finished run = windtunnel({"run"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, StartsWith("windtunnel run: error: SCENARIO.yaml is required"));
}

TEST(Usage, AMissingFileItselfIsTheEnvironment) {
  const Finished run = windtunnel({"run", "no-such-file.yaml"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("no-such-file.yaml"));
  EXPECT_THAT(run.out, IsEmpty());
}

TEST(Usage, VerbsThatAreNotBuiltYetSaySoAndExitWithFour) {
  for (const char* verb : {"explain", "lab"}) {
    const Finished run = windtunnel({verb, "x.yaml"});
    EXPECT_EQ(run.exit_code, 4) << verb;
    EXPECT_THAT(run.err, HasSubstr("is not built yet\n")) << verb;
    EXPECT_THAT(run.out, IsEmpty()) << verb;
  }
}

}  // namespace
}  // namespace windtunnel::tests

// Whole outputs, byte for byte, of what does not depend on the machine. After a wanted change,
// WINDTUNNEL_UPDATE_GOLDEN=1 build/tests/tests_cli --gtest_filter='Golden*' writes them anew; read
// the diff.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/cli/program.hpp"
#include "tests/cli/scenario_text.hpp"

namespace windtunnel::tests {
namespace {

struct Golden {
  std::string name;  // of the file in tests/cli/golden
  std::vector<std::string> arguments;
  int exit_code = 0;
};

void PrintTo(const Golden& golden, std::ostream* out) {
  *out << golden.name;
}

class GoldenOutput : public ::testing::TestWithParam<Golden> {};

TEST_P(GoldenOutput, IsWhatItWas) {
  const std::string folder = WINDTUNNEL_SOURCE_DIR "/tests/cli/golden/";
  const std::string path = folder + GetParam().name;
  const Finished run = windtunnel(GetParam().arguments, {.directory = folder, .input = kSmall});
  EXPECT_EQ(run.exit_code, GetParam().exit_code) << run.err;
  if (std::getenv("WINDTUNNEL_UPDATE_GOLDEN") != nullptr) write_text(path, run.out);
  EXPECT_EQ(run.out, read_text(path));
}

INSTANTIATE_TEST_SUITE_P(
    Verbs, GoldenOutput,
    ::testing::Values(Golden{"help.txt", {"--help"}}, Golden{"run-help.txt", {"run", "--help"}},
                      Golden{"run.txt", {"run", "-", "--engine", "analytic"}},
                      Golden{"check.txt", {"check", "-"}},
                      Golden{"check-print.yaml", {"check", "-", "--print"}},
                      Golden{"list-algorithms.txt", {"list", "algorithms"}},
                      Golden{"list-clusters.csv", {"list", "clusters", "--format", "csv"}},
                      Golden{"report.txt", {"report", "saved.json"}},
                      Golden{"plan-help.txt", {"plan", "--help"}},
                      Golden{"report-plan.txt", {"report", "saved-plan.json"}},
                      Golden{"report.csv", {"report", "saved.json", "--format", "csv"}},
                      Golden{"report.md", {"report", "saved.json", "--format", "markdown"}},
                      Golden{"compare.txt", {"compare", "saved.json", "saved-slower.json"}, 1}),
    [](const auto& one) {
      std::string name = one.param.name;
      for (char& letter : name) {
        if (letter == '-' || letter == '.') letter = '_';
      }
      return name;
    });

}  // namespace
}  // namespace windtunnel::tests

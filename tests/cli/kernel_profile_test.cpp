// Kernel profiles from the command line: rows in, profile out, errors shown, refined, compared.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/cli/program.hpp"

namespace windtunnel::tests {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Products and norms of a device of 600 TFLOP/s and 2.5 TB/s, with +-2 % that repeats.
std::string rows_of(const std::string& stack, double slower = 1.0) {
  std::string text = "kind,gpu,stack,op,bytes,m,n,k,precision,time_s\n";
  for (int m = 1; m <= 8192; m *= 2)
    for (const int n : {1024, 4096, 14336})
      for (const int k : {2048, 4096}) {
        const double flops = 2.0 * m * n * k;
        const double bytes = 2.0 * (1.0 * m * k + 1.0 * n * k + 1.0 * m * n);
        const double time = std::max(flops / 600e12, bytes / 2.5e12) + 3e-6;
        text += fmt::format("gemm,h100-sxm,{},,,{},{},{},bf16,{:.5e}\n", stack, m, n, k,
                            slower * time * (1 + 0.02 * std::sin(m + n + k)));
      }
  for (double bytes = 1e4; bytes < 1e9; bytes *= 2)
    text += fmt::format("memory,h100-sxm,{},rms_norm,{:.0f},,,,,{:.5e}\n", stack, bytes,
                        slower * (3e-6 + bytes / 2.2e12));
  return text;
}

struct Files {
  std::string rows, profile;
};
Files fitted() {
  const std::string folder = scratch_folder();
  Files files{folder + "/rows.csv", folder + "/my.yaml"};
  write_text(files.rows, rows_of("mine 1"));
  const Finished run =
      windtunnel({"calibrate", files.rows, "--gpu", "h100-sxm", "-o", files.profile});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("by (n, k)"));
  return files;
}

TEST(KernelProfile, IsAHeadWithGridsBesideItAndPredictsItsRows) {
  const Files files = fitted();
  EXPECT_TRUE(exists(files.profile));
  EXPECT_TRUE(exists(files.profile.substr(0, files.profile.size() - 5) + ".grid"));
  EXPECT_THAT(read_text(files.profile), Not(HasSubstr("time_s")));
  const Finished run = windtunnel({"validate", files.profile, files.rows, "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("was fitted to these rows"));
  const json facts = json::parse(run.out)["cases"][0]["facts"];
  EXPECT_LT(facts["median_abs_error"], 0.05);
  EXPECT_GT(facts["null_mean_abs_error"], facts["mean_abs_error"]);
}

TEST(KernelProfile, ADamagedOneIsRefusedWithItsFile) {
  const Files files = fitted();
  const std::string grid = files.profile.substr(0, files.profile.size() - 5) + ".grid";
  const std::string bytes = read_text(grid);
  write_text(grid, bytes.substr(0, bytes.size() / 2));
  const Finished cut = windtunnel({"validate", files.profile, files.rows});
  EXPECT_EQ(cut.exit_code, 3);
  EXPECT_THAT(cut.err, HasSubstr("my.yaml:"));
  write_text(files.profile, read_text(files.profile) + "more: 1\n");
  EXPECT_EQ(windtunnel({"validate", files.profile, files.rows}).exit_code, 3);
}

TEST(KernelProfile, RowsOfTwoStacksNeedAFolderOrAFilter) {
  const std::string folder = scratch_folder();
  write_text(folder + "/a.csv", rows_of("one 1"));
  write_text(folder + "/b.csv", rows_of("two 2", 1.5));
  const std::vector<std::string> command{"calibrate", folder + "/a.csv", folder + "/b.csv",
                                         "--gpu",     "h100-sxm",        "-o"};
  auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all = command;
    all.insert(all.end(), more.begin(), more.end());
    return windtunnel(all);
  };
  const Finished refused = with({folder + "/p.yaml"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("--where stack="));
  EXPECT_EQ(with({folder + "/p.yaml", "--where", "stack=two 2"}).exit_code, 0);
  EXPECT_EQ(with({folder + "/out/"}).exit_code, 0);
  EXPECT_TRUE(exists(folder + "/out/h100-sxm-one-1.yaml"));
  EXPECT_TRUE(exists(folder + "/out/h100-sxm-two-2.grid"));
  const Finished compared = windtunnel(
      {"compare", folder + "/out/h100-sxm-one-1.yaml", folder + "/out/h100-sxm-two-2.yaml"});
  EXPECT_EQ(compared.exit_code, 1);
  EXPECT_THAT(compared.out, HasSubstr("shapes in both; b / a: median 1.5"));
}

TEST(KernelProfile, AnUpdateRefinesIt) {
  const Files files = fitted();
  const std::string folder = files.rows.substr(0, files.rows.rfind('/'));
  write_text(folder + "/new.csv",
             "kind,gpu,stack,op,bytes,time_s\n"
             "memory,h100-sxm,mine 2,rms_norm,1e6,4.2e-6\n"
             "memory,h100-sxm,mine 2,rms_norm,2e6,4.7e-6\n");
  const Finished run = windtunnel(
      {"calibrate", folder + "/new.csv", "--update", files.profile, "-o", folder + "/newer.yaml"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(read_text(folder + "/newer.yaml"), HasSubstr("\"scale\": ["));
}

TEST(KernelProfile, DoctorSaysWhatItCoversAndWhatNot) {
  const Files files = fitted();
  const Finished run = windtunnel({"doctor", "--profile", files.profile});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("by (n, k): median"));
  EXPECT_THAT(run.out, HasSubstr("not measured: "));
}

TEST(KernelProfile, TheShippedOnesStateTheirHeldOutErrors) {
  const Finished run = windtunnel({"validate", "--held-out", "--format", "csv"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  for (const char* gpu : {"a100-sxm-80gb", "h100-sxm", "h200-sxm", "b200-sxm", "gb200", "l40s",
                          "rtx-4090", "rtx-pro-6000", "h800-sxm", "h20"})
    EXPECT_THAT(run.out, HasSubstr(std::string("\n") + gpu + ",")) << gpu;
}

}  // namespace
}  // namespace windtunnel::tests

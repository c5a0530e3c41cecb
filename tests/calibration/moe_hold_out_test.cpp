// MoE fits on public tables, held against shape families that they had not seen. The tables
// are not part of the repository; without them the tests skip.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "calibration/kernels/moe_model.hpp"
#include "calibration/kernels/moe_tables.hpp"
#include "models/gpu_library.hpp"

namespace windtunnel::calibration {
namespace {

namespace fs = std::filesystem;

fs::path tables() {
  return fs::path(WINDTUNNEL_SOURCE_DIR) / "../shared/measurements/ops/aiconfigurator";
}

KernelRows rows_of(const fs::path& folder) {
  KernelRows rows;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    base::Diagnostics diagnostics;
    const NativeTable table = read_native_table(path, diagnostics);
    EXPECT_FALSE(diagnostics.has_errors());
    if (is_aiconfigurator_moe(table)) read_aiconfigurator_moe(table, path, rows);
  }
  return rows;
}

void print_head() {
  fmt::print("{:13} {:18} {:15} {:40} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>7} {:>6}\n",
             "GPU", "stack", "format", "left out", "rows", "median", "p90", "mean", "bias",
             "inside", "width", "look-up", "form");
}

void print_error(const std::string& gpu, const std::string& stack, const std::string& format,
                 const FamilyHoldOut& held) {
  const HeldOutError& e = held.error;
  const std::string split = e.split.size() > 40 ? e.split.substr(e.split.size() - 40) : e.split;
  fmt::print(
      "{:13} {:18} {:15} {:40} {:6} {:5.1f}% {:5.1f}% {:5.1f}% {:+5.1f}% {:5.0f}% {:5.0f}% "
      "{:6.1f}% {:5.1f}%\n",
      gpu, stack, format, split, e.rows, 100 * e.median, 100 * e.p90, 100 * e.mean, 100 * e.bias,
      100 * e.inside_band, 100 * e.band_width_median, 100 * held.look_up_median,
      100 * held.form_median);
}

std::vector<MoeComponentFit> fit_and_print(const fs::path& folder) {
  const KernelRows rows = rows_of(folder);
  if (rows.moe.empty()) return {};
  const RowSource& source = rows.sources[static_cast<std::size_t>(rows.moe[0].source)];
  const auto gpu = models::gpu_named(source.gpu);
  EXPECT_TRUE(gpu.has_value()) << source.gpu;
  if (!gpu) return {};
  const auto begin = std::chrono::steady_clock::now();
  auto fits = fit_moe_families(rows, *gpu, HoldOuts::all);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::size_t values = 0;
  for (const auto& fit : fits) {
    for (const auto& grid : fit.component.grids) values += grid.values.size();
    for (const auto& held : fit.held_out)
      print_error(source.gpu, source.stack,
                  fit.component.format + (fit.component.kernel.empty() ? "" : " *"), held);
    if (!fit.component.kernel.empty()) fmt::print("  * {}\n", fit.component.kernel);
    if (fit.by_kernel.size() > 1) {
      for (const auto& held : fit.by_kernel)
        print_error(source.gpu, source.stack, fit.component.format, held);
    }
    for (const auto& p : fit.component.parameters) fmt::print("  {}={:.3g}", p.name, p.value);
    fmt::print("\n");
  }
  fmt::print("# {} {}: {} rows, {} left out as impossible or unreadable, {:.1f} s, {:.0f} KiB\n",
             source.gpu, source.stack, rows.moe.size(), rows.skipped.size(), took.count(),
             static_cast<double>(values) * 2 / 1024);
  return fits;
}

TEST(MoeHoldOut, A100FamiliesLeftOutArePredictedWithinTwelvePercent) {
  if (!fs::exists(tables())) GTEST_SKIP() << "no ../shared/measurements";
  print_head();
  for (const char* stack : {"trtllm/1.0.0", "vllm/0.14.0"}) {
    for (const auto& fit : fit_and_print(tables() / "a100_sxm/moe" / stack)) {
      for (const FamilyHoldOut& held : fit.held_out) {
        EXPECT_LT(held.error.median, 0.12) << stack << " " << held.error.split;
        EXPECT_GT(held.error.inside_band, 0.80) << stack << " " << held.error.split;
      }
    }
  }
}

// The whole table of calibration/README.md.
TEST(MoeHoldOut, DISABLED_TableOfEveryGpuAndStack) {
  if (!fs::exists(tables())) GTEST_SKIP() << "no ../shared/measurements";
  print_head();
  std::vector<fs::path> folders;
  for (const auto& entry : fs::recursive_directory_iterator(tables())) {
    const std::string name = entry.path().filename().string();
    if (name.find("moe_perf.csv") == std::string::npos) continue;
    if (folders.empty() || folders.back() != entry.path().parent_path())
      folders.push_back(entry.path().parent_path());
  }
  std::sort(folders.begin(), folders.end());
  folders.erase(std::unique(folders.begin(), folders.end()), folders.end());
  for (const fs::path& folder : folders) fit_and_print(folder);
}

}  // namespace
}  // namespace windtunnel::calibration

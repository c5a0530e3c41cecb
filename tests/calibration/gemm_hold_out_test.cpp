// GEMM fits on public tables, held against (n, k) pairs, widths n and k and token counts m that they
// had not seen. The tables are not part of the repository; without them the tests skip.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "calibration/kernels/aiconfigurator_gemm.hpp"
#include "calibration/kernels/gemm_fit.hpp"
#include "models/gpu_library.hpp"

namespace windtunnel::calibration {
namespace {

namespace fs = std::filesystem;

fs::path operations() {
  return fs::path(WINDTUNNEL_SOURCE_DIR) / "../shared/measurements/ops";
}

KernelRows rows_of(const fs::path& path) {
  KernelRows rows;
  base::Diagnostics diagnostics;
  const NativeTable table = read_native_table(path, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.to_text();
  if (is_infersim_gemm(table)) {
    read_infersim_gemm(table, path, rows);
  } else {
    read_aiconfigurator_gemm(table, path, rows);
  }
  return rows;
}

void print_head() {
  fmt::print(
      "{:14} {:17} {:12} {:10} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>7} "
      "{:>7}\n",
      "GPU", "stack", "format", "left out", "rows", "median", "p90", "mean", "bias", "inside",
      "width", "form", "ln t", "effic.", "nearest");
}

void print_fit(const RowSource& source, const GemmComponentFit& fit) {
  for (const GemmTrial& trial : fit.trials) {
    const HeldOutError& e = trial.error;
    fmt::print(
        "{:14} {:17} {:12} {:10} {:6} {:5.1f}% {:5.1f}% {:5.1f}% {:+5.1f}% {:5.0f}% {:5.0f}% "
        "{:5.1f}% {:5.1f}% {:6.1f}% {:6.1f}%\n",
        source.gpu, source.stack, fit.component.format, e.split, e.rows, 100 * e.median,
        100 * e.p90, 100 * e.mean, 100 * e.bias, 100 * e.inside_band, 100 * e.band_width_median,
        100 * trial.form_median, 100 * trial.time_median, 100 * trial.efficiency_median,
        100 * trial.nearest_median);
  }
}

std::vector<GemmComponentFit> fit_and_print(const fs::path& path, GemmLookUps look_ups) {
  const KernelRows rows = rows_of(path);
  const RowSource& source = rows.sources.at(0);
  const auto gpu = models::gpu_named(source.gpu);
  EXPECT_TRUE(gpu.has_value()) << source.gpu;
  if (!gpu) return {};
  const auto begin = std::chrono::steady_clock::now();
  auto fits = fit_gemm_components(rows, *gpu, look_ups);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::size_t values = 0;
  for (const GemmComponentFit& fit : fits) {
    print_fit(source, fit);
    for (const auto& grid : fit.component.grids) values += grid.values.size();
    if (std::getenv("GEMM_PARAMETERS") == nullptr) continue;
    for (const auto& p : fit.component.parameters)
      fmt::print("  {} {:.4g} +- {:.2g} {}", p.name, p.value, p.standard_error, p.unit);
    fmt::print("\n");
  }
  fmt::print("# {} {}: {} rows, {} left out, {:.1f} s, {:.0f} KiB\n", source.gpu, source.stack,
             rows.gemm.size(), rows.skipped.size(), took.count(),
             static_cast<double>(values) * 2 / 1024);
  return fits;
}

TEST(GemmHoldOut, A100ShapesLeftOutArePredictedWithinSixPercent) {
  const fs::path path = operations() / "aiconfigurator/a100_sxm/gemm/vllm/0.14.0/gemm_perf.csv.gz";
  if (!fs::exists(path)) GTEST_SKIP() << "no ../shared/measurements";
  print_head();
  const auto fits = fit_and_print(path, GemmLookUps::all);
  ASSERT_EQ(fits.size(), 1u);
  ASSERT_EQ(fits[0].trials.size(), 4u);
  for (const GemmTrial& trial : fits[0].trials) {
    const HeldOutError& e = trial.error;
    EXPECT_LT(e.median, 0.06) << e.split;
    EXPECT_GE(e.inside_band, 0.80) << e.split;
    EXPECT_LE(e.inside_band, 0.97) << e.split;
    // The surface on the form is what measured best; the look-ups stand beside it.
    EXPECT_LT(e.median, trial.form_median) << e.split;
    EXPECT_LT(e.median, trial.time_median) << e.split;
    EXPECT_LT(e.median, trial.nearest_median) << e.split;
  }
}

// The whole table of calibration/README.md: five minutes, with look-ups ten.
TEST(GemmHoldOut, DISABLED_TableOfEveryGpuStackAndFormat) {
  if (!fs::exists(operations())) GTEST_SKIP() << "no ../shared/measurements";
  print_head();
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(operations())) {
    const fs::path& path = entry.path();
    if (path.filename() == "gemm_perf.csv.gz" ||
        (path.filename() == "data.csv" && path.parent_path().parent_path().filename() == "gemm"))
      paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  const auto look_ups =
      std::getenv("GEMM_LOOK_UPS") == nullptr ? GemmLookUps::none : GemmLookUps::all;
  for (const fs::path& path : paths) fit_and_print(path, look_ups);
}

}  // namespace
}  // namespace windtunnel::calibration

// GEMM fits on rows whose truth is known.
#include "calibration/kernels/gemm_fit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "calibration/kernels/gemm_points.hpp"
#include "models/gpu_library.hpp"

namespace windtunnel::calibration {
namespace {

using models::GemmQuery;
using models::NumberFormat;

sim::Gpu h100() {
  return *models::gpu_named("h100-sxm");
}

models::GemmParameters truth() {
  auto parameters = models::default_gemm_parameters(h100(), NumberFormat::bf16).parameters;
  parameters.launch = 3.1e-6;
  parameters.efficiency = 0.71;
  parameters.dram_efficiency = 0.77;
  parameters.quantization = 0.9;
  return parameters;
}

// Rows on a lattice, from the form times a smooth factor that the form does not know, with noise.
KernelRows lattice(double noise) {
  KernelRows rows;
  rows.sources.push_back({"made", "h100-sxm", "test 1", "", "made"});
  const models::GemmForm form(h100(), NumberFormat::bf16, truth());
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  for (const std::int64_t m :
       {1, 2, 4, 8, 16, 17, 32, 64, 65, 128, 256, 512, 1024, 2048, 4096, 8192})
    for (const std::int64_t n : {128, 256, 512, 1024, 2048, 3072, 4096, 8192, 16384})
      for (const std::int64_t k : {128, 256, 512, 1024, 2048, 4096, 8192, 16384}) {
        const GemmQuery query{.m = m, .n = n, .k = k};
        const double bend = 0.06 * std::sin(0.7 * std::log2(static_cast<double>(n)));
        rows.gemm.push_back(
            {query, form.time(query, models::Cache::warm) * std::exp(bend + noise * normal(random)),
             0, static_cast<std::int32_t>(rows.gemm.size() + 2)});
      }
  return rows;
}

double value_of(const Component& component, const std::string& name) {
  for (const auto& p : component.parameters)
    if (p.name == name) return p.value;
  return NAN;
}

TEST(GemmFit, FindsTheParametersThatMadeTheRowsAndPredictsShapesBetweenThem) {
  const auto fits = fit_gemm_components(lattice(0.02), h100(), GemmLookUps::none);
  ASSERT_EQ(fits.size(), 1u);
  const Component& component = fits[0].component;
  EXPECT_EQ(component.format, "bf16");
  // The bend of 6 % that the form lacks may move its parameters by about as much.
  EXPECT_NEAR(value_of(component, "launch"), 3.1e-6, 0.3e-6);
  EXPECT_NEAR(value_of(component, "efficiency"), 0.71, 0.06);
  EXPECT_NEAR(value_of(component, "dram_efficiency"), 0.77, 0.06);
  const auto model = gemm_model(component, h100(), models::Cache::warm);
  ASSERT_NE(model, nullptr);
  const models::GemmForm form(h100(), NumberFormat::bf16, truth());
  double worst = 0.0;
  int inside = 0, count = 0;
  for (const std::int64_t m : {3, 24, 100, 1000, 3000})
    for (const std::int64_t n : {640, 1536, 5120, 11008})
      for (const std::int64_t k : {192, 1536, 5120, 13824}) {
        const GemmQuery query{.m = m, .n = n, .k = k};
        const double bend = 0.06 * std::sin(0.7 * std::log2(static_cast<double>(n)));
        const double expected = form.time(query, models::Cache::warm).value() * std::exp(bend);
        const auto got = model->time(query);
        worst = std::max(worst, std::abs(std::log(got.time.value() / expected)));
        EXPECT_EQ(got.basis, models::Basis::interpolated);
        EXPECT_FALSE(got.extrapolated);
        inside += got.low.value() <= expected && expected <= got.high.value();
        ++count;
      }
  EXPECT_LT(worst, 0.15);  // the bend between knots 2.6 octaves apart, and the noise
  EXPECT_GT(inside, count * 8 / 10);
  for (const GemmTrial& trial : fits[0].trials) {
    EXPECT_LT(trial.error.median, 0.035) << trial.error.split;  // noise alone: 0.0135
    EXPECT_LT(trial.error.median, trial.form_median + 0.005) << trial.error.split;
    EXPECT_GE(trial.error.inside_band, 0.80) << trial.error.split;
    EXPECT_LE(trial.error.inside_band, 0.97) << trial.error.split;
  }
}

TEST(GemmFit, IsTheSameWhateverTheOrderOfTheRows) {
  const KernelRows rows = lattice(0.03);
  KernelRows turned = rows;
  std::reverse(turned.gemm.begin(), turned.gemm.end());
  const auto a = fit_gemm(rows, h100()), b = fit_gemm(turned, h100());
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a[0].parameters.size(); ++i)
    EXPECT_EQ(a[0].parameters[i].value, b[0].parameters[i].value);
  EXPECT_EQ(a[0].grids[0].values, b[0].grids[0].values);
  EXPECT_EQ(a[0].grids[1].values, b[0].grids[1].values);
}

TEST(GemmFit, OutliersMoveNeitherTheirNeighboursNorTheForm) {
  KernelRows rows = lattice(0.01);
  for (std::size_t i = 5; i < rows.gemm.size(); i += 40)
    rows.gemm[i].time = rows.gemm[i].time * 6.0;
  const auto clean = fit_gemm(lattice(0.01), h100()), dirty = fit_gemm(rows, h100());
  const auto before = gemm_model(clean[0], h100(), models::Cache::warm);
  const auto after = gemm_model(dirty[0], h100(), models::Cache::warm);
  for (const std::int64_t m : {6, 200, 3000}) {
    const GemmQuery query{.m = m, .n = 6144, .k = 3000};
    EXPECT_NEAR(std::log(after->time(query).time / before->time(query).time), 0.0, 0.06);
  }
}

TEST(GemmFit, BandWidensOutsideWhatWasSeenAndSaysSo) {
  const auto fits = fit_gemm(lattice(0.02), h100());
  const auto model = gemm_model(fits[0], h100(), models::Cache::warm);
  const auto edge = model->time({.m = 8192, .n = 16384, .k = 16384});
  const auto far = model->time({.m = 131072, .n = 65536, .k = 65536});
  EXPECT_EQ(edge.basis, models::Basis::measured);
  EXPECT_FALSE(edge.extrapolated);
  EXPECT_TRUE(far.extrapolated);
  EXPECT_GT(far.high / far.low, edge.high / edge.low * 2.0);
  const auto batch = model->time({.m = 128, .n = 128, .k = 128, .batch = 96});
  EXPECT_EQ(batch.basis, models::Basis::model);
}

TEST(GemmFit, AHandfulOfRowsBorrowsTheRestFromTheRelatives) {
  KernelRows all = lattice(0.02), few;
  few.sources = all.sources;
  for (std::size_t i = 0; i < all.gemm.size(); i += 97) few.gemm.push_back(all.gemm[i]);
  ASSERT_LT(few.gemm.size(), 15u);
  const auto fits = fit_gemm(few, h100());
  ASSERT_EQ(fits.size(), 1u);
  const auto model = gemm_model(fits[0], h100(), models::Cache::warm);
  const models::GemmForm form(h100(), NumberFormat::bf16, truth());
  for (const auto& row : all.gemm)
    EXPECT_LT(std::abs(std::log(model->time(row.query).time / row.time)), 0.6);
}

TEST(GemmGroups, KernelsThatNeverTimeOneShapeAreTheStacksChoiceByShape) {
  KernelRows rows;
  rows.sources = {{"t", "h100-sxm", "vllm 1", "small", ""},
                  {"t", "h100-sxm", "vllm 1", "large", ""}};
  for (const std::int64_t m : {1, 8, 64, 512})
    rows.gemm.push_back({{.m = m, .n = 256, .k = 256}, base::Seconds(1e-5), m < 64 ? 0 : 1, 2});
  EXPECT_EQ(gemm_groups(rows).size(), 1u);
  rows.gemm.push_back({{.m = 8, .n = 256, .k = 256}, base::Seconds(2e-5), 1, 9});
  const auto groups = gemm_groups(rows);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].kernel, "large");
}

TEST(GemmGroups, RepeatedShapesBecomeTheirMedian) {
  KernelRows rows;
  rows.sources = {{"t", "h100-sxm", "vllm 1", "", ""}};
  for (const double t : {1e-5, 9e-5, 1.2e-5})
    rows.gemm.push_back({{.m = 4, .n = 256, .k = 256}, base::Seconds(t), 0, 2});
  const auto groups = gemm_groups(rows);
  ASSERT_EQ(groups[0].points.size(), 1u);
  EXPECT_DOUBLE_EQ(groups[0].points[0].seconds, 1.2e-5);
  EXPECT_EQ(groups[0].rows, 3);
}

TEST(GemmSplits, LeaveOutWholePairsWidthsAndTokenCounts) {
  const auto groups = gemm_groups(lattice(0.0));
  const auto& points = groups[0].points;
  const auto splits = gemm_splits(points);
  ASSERT_EQ(splits.size(), 4u);
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = 0; j < i; j += 13) {
      const GemmQuery &a = points[i].query, &b = points[j].query;
      if (a.n == b.n && a.k == b.k) {
        EXPECT_EQ(splits[0].fold[i], splits[0].fold[j]);
      }
      if (a.n == b.n) {
        EXPECT_EQ(splits[1].fold[i], splits[1].fold[j]);
      }
      if (a.k == b.k) {
        EXPECT_EQ(splits[2].fold[i], splits[2].fold[j]);
      }
      if (a.m == b.m) {
        EXPECT_EQ(splits[3].fold[i], splits[3].fold[j]);
      }
    }
  }
}

}  // namespace
}  // namespace windtunnel::calibration

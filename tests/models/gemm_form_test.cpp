// Laws of the bare GEMM form, on every shipped GPU and in every number format.
#include "models/kernels/gemm_form.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "models/gpu_library.hpp"

namespace windtunnel::models {
namespace {

sim::Gpu gpu(const char* name) {
  return *gpu_named(name);
}

GemmForm form_of(const sim::Gpu& device, NumberFormat format = NumberFormat::bf16) {
  return {device, format, default_gemm_parameters(device, format).parameters};
}

double seconds(const GemmForm& form, std::int64_t m, std::int64_t n, std::int64_t k,
               Cache cache = Cache::cold) {
  return form.time({.m = m, .n = n, .k = k}, cache).value();
}

const std::vector<std::int64_t> kSizes{1,   2,   4,    8,    16,   24,   64,   72,   128,
                                       136, 256, 1000, 1024, 1032, 4096, 8192, 11008};

TEST(GemmForm, TimeNeverFallsAsAnyDimensionGrowsWhileAlignmentIsTheSame) {
  for (const char* name : {"v100-sxm-32gb", "a100-sxm-80gb", "h100-sxm", "b200-sxm", "l40s"}) {
    const GemmForm form = form_of(gpu(name));
    for (const std::int64_t a : {8, 128, 4096}) {
      for (const std::int64_t b : {64, 1024, 16384}) {
        double m_before = 0.0, n_before = 0.0, k_before = 0.0;
        for (std::int64_t grown = 8; grown <= 20000; grown += grown < 2048 ? 8 : 1000) {
          const double by_m = seconds(form, grown, a, b), by_n = seconds(form, a, grown, b);
          const double by_k = seconds(form, a, b, grown);
          EXPECT_GE(by_m, m_before * (1 - 1e-12)) << name << " m " << grown;
          EXPECT_GE(by_n, n_before * (1 - 1e-12)) << name << " n " << grown;
          EXPECT_GE(by_k, k_before * (1 - 1e-12)) << name << " k " << grown;
          m_before = by_m;
          n_before = by_n;
          k_before = by_k;
        }
      }
    }
  }
}

TEST(GemmForm, AColdProductIsNeverFasterThanItsMathOrItsWeights) {
  for (const std::string& name : gpu_names()) {
    const sim::Gpu device = gpu(name.c_str());
    for (const NumberFormat format : {NumberFormat::bf16, NumberFormat::fp8, NumberFormat::int8,
                                      NumberFormat::nvfp4, NumberFormat::int4_weights}) {
      const GemmForm form = form_of(device, format);
      const double peak = math_rate(device, format).peak.value();
      for (const std::int64_t m : kSizes) {
        for (const std::int64_t n : {64, 4096, 11008}) {
          for (const std::int64_t k : {64, 4096, 16384}) {
            const double time = seconds(form, m, n, k);
            const auto work = 2.0 * static_cast<double>(m * n * k);
            EXPECT_GE(time, work / peak) << name << " " << to_text(format);
            EXPECT_GE(time, static_cast<double>(n * k) * weight_bytes(format) /
                                device.memory_bandwidth.value())
                << name << " " << to_text(format);
          }
        }
      }
    }
  }
}

TEST(GemmForm, AWarmProductIsNeverSlowerThanAColdOne) {
  const sim::Gpu device = gpu("l40s");
  GemmParameters parameters = default_gemm_parameters(device, NumberFormat::bf16).parameters;
  parameters.copies = 1;
  const GemmForm form(device, NumberFormat::bf16, parameters);
  for (const std::int64_t m : kSizes)
    EXPECT_LE(seconds(form, m, 4096, 4096, Cache::warm), seconds(form, m, 4096, 4096));
  // 32 MiB of weights in 96 MiB of L2: reading them from DRAM takes 39 us.
  EXPECT_LT(seconds(form, 1, 4096, 4096, Cache::warm), 0.6 * seconds(form, 1, 4096, 4096));
}

TEST(GemmForm, TimeFallsWithPeakAndWithBandwidth) {
  const sim::Gpu device = gpu("h100-sxm");
  const auto parameters = default_gemm_parameters(device, NumberFormat::bf16).parameters;
  sim::Gpu faster_math = device, faster_memory = device;
  for (auto& [format, peak] : faster_math.peak) peak = peak * 2.0;
  faster_memory.memory_bandwidth = device.memory_bandwidth * 2.0;
  const GemmForm base(device, NumberFormat::bf16, parameters);
  const GemmForm math(faster_math, NumberFormat::bf16, parameters);
  const GemmForm memory(faster_memory, NumberFormat::bf16, parameters);
  for (const std::int64_t m : kSizes) {
    for (const std::int64_t n : kSizes) {
      EXPECT_LE(seconds(math, m, n, 4096), seconds(base, m, n, 4096));
      EXPECT_LE(seconds(memory, m, n, 4096), seconds(base, m, n, 4096));
    }
  }
  // Compute-bound: nearly half. Memory-bound: nearly half.
  EXPECT_LT(seconds(math, 8192, 8192, 8192), 0.62 * seconds(base, 8192, 8192, 8192));
  EXPECT_LT(seconds(memory, 1, 16384, 16384), 0.62 * seconds(base, 1, 16384, 16384));
}

TEST(GemmForm, OneRowBeyondATileCostsNoMoreThanAnotherTileRow) {
  sim::Gpu device = gpu("h100-sxm");
  GemmParameters parameters = default_gemm_parameters(device, NumberFormat::bf16).parameters;
  parameters.quantization = 1.0;
  const GemmForm form(device, NumberFormat::bf16, parameters);
  for (const std::int64_t m : {128, 256, 512, 1024, 4096}) {
    const double whole = seconds(form, m, 8192, 8192), more = seconds(form, m + 8, 8192, 8192);
    EXPECT_GE(more, whole);
    EXPECT_LE(more, 2.0 * whole + 1e-9);
  }
}

TEST(GemmForm, SplittingKKeepsASingleTileFromRunningOnOneMultiprocessor) {
  const GemmForm form = form_of(gpu("h100-sxm"));
  // One tile on one SM at 7.5 TFLOP/s would take 70 us for k = 16384 and m = n = 128.
  EXPECT_LT(seconds(form, 128, 128, 16384), 25e-6);
}

TEST(GemmForm, ABatchCostsBetweenOneProblemAndAsManyLaunches) {
  const GemmForm form = form_of(gpu("a100-sxm-80gb"));
  for (const std::int64_t size : {64, 108, 128, 1024}) {
    const double one = form.time({.m = size, .n = size, .k = size}).value();
    double before = one;
    for (const std::int64_t batch : {2, 8, 96, 1000}) {
      const double all = form.time({.m = size, .n = size, .k = size, .batch = batch}).value();
      EXPECT_GE(all, before * (1 - 1e-12));
      EXPECT_LE(all, one * static_cast<double>(batch));
      EXPECT_DOUBLE_EQ(all, form.time({.m = size, .n = size, .k = size, .groups = batch}).value());
      before = all;
    }
  }
}

TEST(GemmForm, RowsThatDoNotBeginOnSixteenBytesCostMoreTheNarrowerTheirLoads) {
  const GemmForm form = form_of(gpu("a100-sxm-80gb"));
  // 108-wide heads: rows of 216 bytes, aligned to 8. 109: to 2.
  const double aligned = seconds(form, 4096, 4096, 1024 - 8);
  const double by_eight = seconds(form, 4096, 4096, 1024 - 4);
  const double by_four = seconds(form, 4096, 4096, 1024 - 2);
  const double by_two = seconds(form, 4096, 4096, 1024 - 1);
  EXPECT_LT(aligned, by_eight);
  EXPECT_LT(by_eight, by_four);
  EXPECT_LT(by_four, by_two);
  EXPECT_LT(by_two, 2.2 * seconds(form, 4096, 4096, 1024));
  // m is no row pitch: 17 tokens cost as 24 do, but for the kernels that pad.
  EXPECT_LE(seconds(form, 17, 4096, 4096), seconds(form, 24, 4096, 4096) + 1e-6);
}

TEST(GemmForm, AnEagerHostHidesShortProductsInTheTableButNotInANetwork) {
  const sim::Gpu device = gpu("h100-sxm");
  GemmParameters parameters = default_gemm_parameters(device, NumberFormat::fp8_block).parameters;
  const GemmForm graph(device, NumberFormat::fp8_block, parameters);
  parameters.host = 80e-6;
  const GemmForm eager(device, NumberFormat::fp8_block, parameters);
  const double small = seconds(eager, 8, 1024, 1024, Cache::warm);
  EXPECT_GE(small, 80e-6);
  EXPECT_LT(small, 90e-6);
  EXPECT_DOUBLE_EQ(seconds(eager, 8, 1024, 1024), seconds(graph, 8, 1024, 1024));
  const double large = seconds(graph, 16384, 8192, 8192, Cache::warm);
  EXPECT_LT(seconds(eager, 16384, 8192, 8192, Cache::warm), large + 0.5 * 80e-6);
  EXPECT_GE(seconds(eager, 16384, 8192, 8192, Cache::warm), large);
}

TEST(GemmForm, DefaultsNameTheirRelativeAndWidenWithDistance) {
  const auto own = default_gemm_parameters(gpu("h100-sxm"), NumberFormat::bf16);
  const auto volta = default_gemm_parameters(gpu("v100-sxm-32gb"), NumberFormat::fp16);
  const auto ada = default_gemm_parameters(gpu("rtx-4090"), NumberFormat::fp8);
  EXPECT_EQ(own.relative.substr(0, 4), "h100");
  EXPECT_EQ(volta.relative.substr(0, 4), "a100");
  EXPECT_EQ(ada.relative.substr(0, 4), "l40s");
  EXPECT_GT(volta.log_spread, own.log_spread);
  // fp8 on Ampere is multiplied in 16 bits.
  EXPECT_TRUE(math_rate(gpu("a100-sxm-80gb"), NumberFormat::fp8).widened);
  EXPECT_FALSE(math_rate(gpu("h100-sxm"), NumberFormat::fp8).widened);
}

TEST(GemmForm, ParametersHaveNamesUnitsAndRangesThatHoldTheirDefaults) {
  for (const std::string& name : gpu_names()) {
    const auto found = default_gemm_parameters(gpu(name.c_str()), NumberFormat::bf16);
    for (const GemmParameterSpec& spec : gemm_parameter_specs()) {
      EXPECT_FALSE(spec.name.empty());
      EXPECT_LT(spec.low, spec.high) << spec.name;
      EXPECT_LE(found.parameters.*spec.member, spec.high) << spec.name;
    }
  }
}

}  // namespace
}  // namespace windtunnel::models

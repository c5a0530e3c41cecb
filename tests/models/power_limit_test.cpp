// What products keep up within a board's power limit.
#include "models/kernels/power_limit.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "models/gpu_library.hpp"
#include "models/kernels/gemm_form.hpp"

namespace windtunnel::models {
namespace {

base::Seconds sustained(const std::string& gpu, double rate) {
  const base::Flops products(1e12);
  return sustained_time(*gpu_named(gpu), NumberFormat::fp16, products,
                        products / base::FlopsPerSecond(rate));
}

TEST(PowerLimit, NeverMakesAProductFasterAndKeepsTheOrderOfKernels) {
  for (const auto* gpu : {"a100-sxm-80gb", "v100-sxm-32gb", "h100-sxm"}) {
    base::Seconds last = base::Seconds::infinity();
    for (double rate = 10e12; rate < 400e12; rate *= 1.05) {
      const base::Seconds time = sustained(gpu, rate);
      EXPECT_GE(time, base::Flops(1e12) / base::FlopsPerSecond(rate)) << gpu;
      EXPECT_LE(time, last) << gpu << " at " << rate;
      last = time;
    }
  }
}

TEST(PowerLimit, LeavesTheBestProductsOfAnA100ThePowerOverTheEnergyOfAFlop) {
  const double rate = 1e12 / sustained("a100-sxm-80gb", 0.915 * 312e12).value();
  EXPECT_NEAR(rate, 400 / 1.7e-12, 1e9);
  // Kernels that reach less at full clock lose as well, but for those far below the limit.
  EXPECT_LT(1e12 / sustained("a100-sxm-80gb", 235e12).value(), 215e12);
  EXPECT_DOUBLE_EQ(1e12 / sustained("a100-sxm-80gb", 100e12).value(), 100e12);
}

// More peak, of this format or of another, leaves a kernel that is faster at full clock no slower within
// the same limit (issue 4: time falls monotonically with peak FLOP/s).
TEST(PowerLimit, AHigherPeakNeverCostsTime) {
  for (const auto* name : {"a100-sxm-80gb", "mi300x", "h100-sxm", "b200-sxm"}) {
    const sim::Gpu sheet = *gpu_named(name);
    for (const auto format : {NumberFormat::bf16, NumberFormat::fp8, NumberFormat::fp32}) {
      for (const double alone : {0.2e-3, 0.5e-3, 2e-3}) {
        const base::Flops products(0.2e12);
        const auto time = [&](const sim::Gpu& gpu, double seconds) {
          return sustained_time(gpu, format, products, base::Seconds(seconds));
        };
        sim::Gpu faster = sheet;
        for (auto& [math, peak] : faster.peak) peak = peak * 4.0;
        EXPECT_LE(time(faster, alone), time(sheet, alone)) << name;
        EXPECT_LE(time(faster, alone / 3), time(sheet, alone)) << name;
        sim::Gpu other = sheet;
        other.peak["fp16"] = other.peak["fp16"] * 4.0;
        EXPECT_LE(time(other, alone), time(sheet, alone)) << name;
      }
    }
  }
}

// AMD's own sustained products (power_limit.hpp): the best shape of a search, and ten fixed shapes of
// a DeepSeek-V3 layer on a MI325X. The stand-in lies within its band of all of them and between the two.
struct Published {
  std::string gpu;
  NumberFormat format;
  GemmQuery shape;
  double rate;
};

double predicted_rate(const std::string& name, NumberFormat format, const GemmQuery& query) {
  const sim::Gpu gpu = *gpu_named(name);
  const GemmForm form(gpu, format, default_gemm_parameters(gpu, format).parameters);
  const base::Seconds alone = form.time(query, Cache::cold);
  const base::Flops products = flops(query);
  return products.value() / sustained_time(gpu, format, products, alone).value();
}

GemmQuery square(std::int64_t n, NumberFormat format) {
  return {.m = n, .n = n, .k = n, .format = format};
}

TEST(PowerLimit, ProductsOfCdnaAreNearThosePublished) {
  const auto bf16 = NumberFormat::bf16, fp8 = NumberFormat::fp8;
  const GemmQuery wide{.m = 4096, .n = 4864, .k = 32896, .format = bf16};
  const GemmQuery narrow{.m = 4096, .n = 3648, .k = 32896, .format = fp8};
  for (const Published& one : {Published{"mi300x", bf16, wide, 708e12},
                               {"mi325x", bf16, wide, 831e12},
                               {"mi300x", fp8, narrow, 1273e12},
                               {"mi325x", fp8, narrow, 1408e12},
                               {"mi355x", fp8, square(4096, fp8), 2750e12},
                               {"mi355x", fp8, square(8192, fp8), 3130e12}}) {
    const double rate = predicted_rate(one.gpu, one.format, one.shape);
    // 3648 columns were chosen for tiles of 192, which the form's powers of two do not cut evenly.
    EXPECT_NEAR(rate / one.rate, 1.0, 0.22) << one.gpu << " " << to_text(one.format);
  }
}

TEST(PowerLimit, TypicalProductsOfAMi325xAreNearThosePublished) {
  const std::pair<NumberFormat, double> kPublished[]{{NumberFormat::bf16, 616e12},
                                                     {NumberFormat::fp8, 1143e12}};
  for (const auto& [format, published] : kPublished) {
    double work = 0, time = 0;
    for (const std::int64_t m : {32, 32768}) {
      for (const auto& [n, k] : std::vector<std::pair<std::int64_t, std::int64_t>>{
               {2112, 7168}, {3072, 1536}, {7168, 2048}, {4608, 7168}, {7168, 256}}) {
        const GemmQuery query{.m = m, .n = n, .k = k, .format = format};
        work += flops(query).value();
        time += flops(query).value() / predicted_rate("mi325x", format, query);
      }
    }
    EXPECT_NEAR(work / time / published, 1.0, 0.15) << to_text(format);
  }
}

}  // namespace
}  // namespace windtunnel::models

// Kernel queries per second: a fitted component (form, surface, band) beside the bare form in the
// same run. `of_form` is the first over the second.
#include <benchmark/benchmark.h>

#include <chrono>
#include <random>

#include "calibration/kernels/gemm_model.hpp"
#include "models/gpu_library.hpp"

namespace {

using namespace windtunnel;

constexpr std::size_t kQueries = 1024;  // a power of 2

// Shapes of transformer layers: any token count, widths in steps of 64.
const std::vector<models::GemmQuery>& queries() {
  static const std::vector<models::GemmQuery> made = [] {
    std::mt19937_64 random(1);
    std::vector<models::GemmQuery> all(kQueries);
    for (models::GemmQuery& query : all) {
      query.m = 1 + static_cast<std::int64_t>(random() % 4096);
      query.n = 64 * (1 + static_cast<std::int64_t>(random() % 200));
      query.k = 64 * (1 + static_cast<std::int64_t>(random() % 200));
    }
    return all;
  }();
  return made;
}

calibration::ResidualGrid grid_of(std::size_t m, std::size_t n, std::size_t k) {
  calibration::ResidualGrid grid;
  const auto axis = [](std::size_t count, double from, double to) {
    calibration::GridAxis made{"log2", {}};
    for (std::size_t i = 0; i < count; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(count - 1);
      made.knots.push_back(from + (to - from) * share * (0.5 + 0.5 * share));
    }
    return made;
  };
  grid.axes = {axis(m, 0, 15), axis(n, 5, 16), axis(k, 5, 16)};
  grid.values.resize(m * n * k);
  for (std::size_t i = 0; i < grid.values.size(); ++i)
    grid.values[i] = static_cast<std::int16_t>(i % 401);
  return grid;
}

// A component as large as those of the shipped profiles.
calibration::Component component() {
  calibration::Component made;
  made.kind = calibration::kGemmKind;
  made.format = "bf16";
  made.grids = {grid_of(47, 22, 22), grid_of(6, 6, 6)};
  return made;
}

double nanoseconds_of_form() {
  const models::GemmForm form(*models::gpu_named("h100-sxm"), models::NumberFormat::bf16, {});
  const auto begin = std::chrono::steady_clock::now();
  constexpr std::size_t kTimes = 400'000;
  for (std::size_t i = 0; i < kTimes; ++i)
    benchmark::DoNotOptimize(form.time(queries()[i & (kQueries - 1)]));
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / static_cast<double>(kTimes);
}

void BM_gemm_form(benchmark::State& state) {
  const models::GemmForm form(*models::gpu_named("h100-sxm"), models::NumberFormat::bf16, {});
  std::size_t i = 0;
  for ([[maybe_unused]] auto iteration : state)
    benchmark::DoNotOptimize(form.time(queries()[i++ & (kQueries - 1)]));
}
BENCHMARK(BM_gemm_form);

void BM_gemm_component(benchmark::State& state) {
  const auto gpu = *models::gpu_named("h100-sxm");
  const auto model = calibration::bind_gemm(component(), gpu);
  std::size_t i = 0;
  const auto begin = std::chrono::steady_clock::now();
  for ([[maybe_unused]] auto iteration : state)
    benchmark::DoNotOptimize(model->time(queries()[i++ & (kQueries - 1)]));
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  state.counters["of_form"] =
      took.count() / static_cast<double>(state.iterations()) / nanoseconds_of_form();
}
BENCHMARK(BM_gemm_component);

}  // namespace

// Collectives per second of the closed forms and of calibrated predictions. Beside each closed form
// stands what writing the schedule out takes in the same run (schedule_s): what the formula saves.
#include <benchmark/benchmark.h>

#include <chrono>

#include "calibration/fabric_model.hpp"
#include "collectives/closed_form.hpp"
#include "collectives/request.hpp"

namespace {

using namespace windtunnel;

constexpr collectives::UniformFabric kFabric{.latency = base::Seconds(2e-6),
                                             .bandwidth = base::BytesPerSecond(50e9)};

collectives::ScheduleRequest request_of(std::int32_t ranks, collectives::Algorithm algorithm) {
  return {.op = collectives::Op::all_reduce,
          .algorithm = algorithm,
          .ranks = ranks,
          .bytes = 64 << 20,
          .element_bytes = 4};
}

void BM_closed_form(benchmark::State& state, collectives::Algorithm algorithm) {
  const auto request = request_of(static_cast<std::int32_t>(state.range(0)), algorithm);
  for ([[maybe_unused]] auto iteration : state) {
    benchmark::DoNotOptimize(collectives::closed_form(request, kFabric));
  }
  const auto start = std::chrono::steady_clock::now();
  benchmark::DoNotOptimize(collectives::make_schedule(request).critical_steps());
  const std::chrono::duration<double> schedule = std::chrono::steady_clock::now() - start;
  state.SetItemsProcessed(state.iterations());
  state.counters["schedule_s"] = schedule.count();
}
BENCHMARK_CAPTURE(BM_closed_form, ring, collectives::Algorithm::ring)->Arg(8)->Arg(1024);
BENCHMARK_CAPTURE(BM_closed_form, tree, collectives::Algorithm::tree)->Arg(8)->Arg(1024);
BENCHMARK_CAPTURE(BM_closed_form, double_binary_tree, collectives::Algorithm::double_binary_tree)
    ->Arg(8)
    ->Arg(1024);

void BM_calibrated_prediction(benchmark::State& state) {
  const auto model = calibration::shipped_model();
  collectives::TimeQuery query{.op = collectives::Op::all_reduce,
                               .bytes = base::Bytes(1 << 20),
                               .nodes = static_cast<int>(state.range(0)),
                               .gpus_per_node = 8,
                               .gpu = "h100-sxm",
                               .fabric = "h100-ndr-10x8",
                               .interconnect = "InfiniBand 8x400Gb/s per node",
                               .nic_bandwidth = base::BytesPerSecond(50e9),
                               .nics_per_node = 8,
                               .launch = {}};
  for ([[maybe_unused]] auto iteration : state) {
    benchmark::DoNotOptimize(model->predict(query));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_calibrated_prediction)->Arg(1)->Arg(128);

}  // namespace

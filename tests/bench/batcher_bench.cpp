// Simulated requests per second of request-level batching: a million Poisson arrivals through one
// replica, and drawing them.
#include <benchmark/benchmark.h>

#include "tests/strategies/batch_servers.hpp"

namespace {

using namespace windtunnel::strategies;
using windtunnel::base::Seconds;

ServeWorkload million() {
  ServeWorkload workload;
  workload.arrivals = {.rate = 20'000, .requests = 1'000'000};
  workload.input = LognormalLength{100, 0.5};
  return workload;
}

void draw_requests(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(make_traffic(million(), 1));
  state.SetItemsProcessed(state.iterations() * 1'000'000);
}
BENCHMARK(draw_requests)->Unit(benchmark::kMillisecond);

void serve_dynamic(benchmark::State& state) {
  const Traffic traffic = make_traffic(million(), 1);
  Batching batching{
      .policy = BatchingPolicy::dynamic,
      .batcher = state.range(0) == 0 ? DynamicBatcher::triton : DynamicBatcher::tf_serving,
      .max_batch = 64,
      .max_delay = Seconds(0.001),
      .instances = state.range(1)};
  for (auto _ : state) {
    BatchServer server = test::server_of(batching, traffic,
                                         std::make_shared<test::FormulaTime>([](const auto& batch) {
                                           return 5e-4 + 2e-5 * static_cast<double>(batch.samples);
                                         }));
    benchmark::DoNotOptimize(serve_alone(traffic, server));
  }
  state.SetItemsProcessed(state.iterations() * 1'000'000);
}
BENCHMARK(serve_dynamic)
    ->ArgNames({"tf_serving", "instances"})
    ->Args({0, 1})
    ->Args({0, 2})
    ->Args({1, 1})
    ->Unit(benchmark::kMillisecond);

}  // namespace

// Simulated requests per second of continuous batching: a million requests of 256 and 128 tokens on
// average through 16 replicas.
#include <benchmark/benchmark.h>

#include "strategies/serve/engine/serve_simulation.hpp"

namespace {

using namespace windtunnel::strategies;
using windtunnel::base::Seconds;

// A step of an 80 GB GPU with an 8B model, near enough: what is measured is the simulation.
class LinearSteps final : public StepTimeModel {
 public:
  StepTime time(const StepBatch& batch) override {
    const Seconds t(8e-3 + 2e-5 * static_cast<double>(batch.tokens()) +
                    1e-9 * static_cast<double>(batch.decode_kv));
    return {.total = t, .latency = t, .device = t};
  }
};

void serve_continuously(benchmark::State& state) {
  ServeJob job;
  job.workload.arrivals = {.rate = 400, .requests = state.range(0)};
  job.workload.input = LognormalLength{214, 0.6};   // mean 256
  job.workload.output = LognormalLength{107, 0.6};  // mean 128
  job.strategy.router.policy = RouterPolicy::least_loaded;
  EnginePlan plan;
  plan.steps = std::make_shared<LinearSteps>();
  plan.memory.blocks = 27'000;
  EngineFleet fleet{.plans = std::vector<EnginePlan>(16, plan),
                    .link_rates = std::vector<double>(16, 0.0)};
  const Traffic traffic = make_traffic(job.workload, 1);
  double steps = 0;
  for (auto _ : state) {
    const ServedRun run = simulate(job, fleet, traffic, {.seed = 1, .load_samples = 2000});
    steps = 0;
    for (const ReplicaCounts& one : run.replicas) steps += static_cast<double>(one.steps);
  }
  state.counters["steps"] = steps;
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(serve_continuously)->Arg(300)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace

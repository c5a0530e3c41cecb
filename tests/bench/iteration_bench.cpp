// A training iteration of GPT-3 175B: one rank of each stage, every rank on `analytic`, every rank
// on `simgrid` (in a child: one engine a process). Passes or engine events a second, and seconds an
// iteration; 512 GPUs on simgrid have to stay below 60 s.
#include <benchmark/benchmark.h>

#include <string>

#include "sim/engine/isolated.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace {

using namespace windtunnel;
using namespace windtunnel::strategies;

// tensor 8 x pipeline 8, 64 micro-batches each.
TrainJob job_on(std::int64_t nodes) {
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = nodes / 8 * 64;
  job.strategy.sizes = {.tensor = 8, .pipeline = 8};
  job.strategy.sequence_parallel = true;
  job.strategy.recompute = models::Recompute::full;
  return job;
}

class Bench {
 public:
  explicit Bench(std::int64_t nodes)
      : job_(job_on(nodes)),
        gpt_("gpt3-175b"),
        cluster_(test::valid(test::h100_cluster(static_cast<int>(nodes)))),
        network_(cluster_) {}

  base::Outcome run(const EngineFactory& factory) const {
    const test::FixedRates kernels(600e12, 2.5e12);
    TrainOptions options{.timeline_rows = 0};
    if (factory) options.every_rank.emplace(network_, factory);
    return run_train(job_, {gpt_.model, gpt_.network}, {cluster_, kernels, nullptr}, options);
  }

 private:
  TrainJob job_;
  test::Subject gpt_;
  sim::ValidCluster cluster_;
  sim::Network network_;
};

void measure(benchmark::State& state, const EngineFactory& factory) {
  const Bench bench(state.range(0));
  std::int64_t events = 0;
  for (auto _ : state) events += bench.run(factory).events;
  state.counters["events/s"] =
      benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}

void one_of_each_stage(benchmark::State& state) {
  measure(state, {});
}
void every_rank_analytic(benchmark::State& state) {
  measure(state, sim::make_analytic_engine);
}
void every_rank_simgrid(benchmark::State& state) {
  const Bench bench(state.range(0));
  double events = 0;
  for (auto _ : state) {
    events += std::stod(sim::run_isolated(
        [&] { return std::to_string(bench.run(sim::make_simgrid_engine).events); }));
  }
  state.counters["events/s"] = benchmark::Counter(events, benchmark::Counter::kIsRate);
}

BENCHMARK(one_of_each_stage)
    ->Arg(8)
    ->Arg(64)
    ->Arg(256)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(every_rank_analytic)
    ->Arg(8)
    ->Arg(64)
    ->Arg(256)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(every_rank_simgrid)
    ->Arg(8)
    ->Arg(64)
    ->Arg(256)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

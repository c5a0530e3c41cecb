// `plan` on one core: candidates of training costed in time and memory a second. GPT-3 175B on 128 and
// 512 H100: 1F1B over the usual axes, and interleaved pipelines over all chunk counts, whose schedules
// are long. Processes are forked as `--jobs 1` does, profiles are read first.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

#include "scenarios/search/plan.hpp"

namespace {

using namespace windtunnel;

scenarios::LoadedScenario load(std::int64_t nodes, const std::string& rest) {
  const std::string path = std::string(WINDTUNNEL_BINARY_DIR) + "/plan_bench.yaml";
  std::ofstream(path) << "cluster: {use: dgx-h100, nodes: " << nodes << "}\n"
                      << "model: gpt3-175b\n"
                      << "workload: {kind: train, sequence_length: 2048, global_batch: "
                      << nodes * 24 << ", precision: bf16}\n"
                      << rest;
  base::Diagnostics diagnostics;
  auto loaded = scenarios::load_scenario(path, {}, diagnostics);
  std::remove(path.c_str());
  if (!loaded) throw std::runtime_error(diagnostics.to_text());
  return *std::move(loaded);
}

void measure(benchmark::State& state, const std::string& rest) {
  const scenarios::LoadedScenario scenario = load(state.range(0), rest);
  double evaluated = 0, candidates = 0;
  for (auto _ : state) {
    const auto study = scenarios::run_plan(scenario, {.jobs = 1});
    evaluated += study.result.plan->facts.at("evaluated");
    candidates += study.result.plan->facts.at("candidates");
  }
  state.counters["evaluations/s"] = benchmark::Counter(evaluated, benchmark::Counter::kIsRate);
  state.counters["candidates/s"] = benchmark::Counter(candidates, benchmark::Counter::kIsRate);
}

void usual_axes(benchmark::State& state) {
  measure(state, "strategy: {sequence_parallel: true}\n");
}
void interleaved(benchmark::State& state) {
  measure(state,
          "strategy: {schedule: interleaved, sequence_parallel: true}\n"
          "search: {vary: {strategy.tensor: auto, strategy.pipeline: auto, strategy.micro_batch: "
          "auto, strategy.virtual_stages: auto, strategy.recompute: auto, strategy.zero: [0, 1, "
          "3]}}\n");
}

BENCHMARK(usual_axes)->Arg(16)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(interleaved)->Arg(16)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

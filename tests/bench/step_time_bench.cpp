// Warm and cold step times of an engine: Llama 3.1 8B on one H100 and DeepSeek-V3 on eight H200, by
// the shipped kernel profiles. A simulation of a million requests asks for millions of them.
#include <benchmark/benchmark.h>

#include "calibration/kernels/device_model.hpp"
#include "models/gpu_library.hpp"
#include "models/networks/library.hpp"
#include "strategies/serve/engine_plan.hpp"

namespace {

using namespace windtunnel;
using namespace windtunnel::strategies;

struct Engine {
  Engine(const std::string& gpu_name, const std::string& model_name, std::int64_t tensor)
      : model(*models::model_by_name(model_name)), network(models::build_network(model)) {
    const sim::Gpu gpu = *models::gpu_named(gpu_name);
    kernels = calibration::kernel_model_for(gpu, "");
    sim::Cluster one;
    one.name = "bench";
    one.node.gpus = 8;
    one.node.gpu = gpu;
    one.node.scale_up = {sim::ScaleUpKind::nvswitch, gpu.nvlink_bandwidth, base::Seconds(1e-6)};
    base::Diagnostics diagnostics;
    cluster = sim::validate(one, {}, diagnostics);
    job.strategy.tensor = tensor;
    if (tensor > 1) job.strategy.precision = models::NumberFormat::fp8;
    steps =
        make_engine_plan(job, {model, network}, {*cluster, *kernels}, EngineRole::both).plan->steps;
  }
  models::Model model;
  models::Network network;
  std::shared_ptr<const models::KernelTimeModel> kernels;
  std::optional<sim::ValidCluster> cluster;
  ServeJob job;
  std::shared_ptr<StepTimeModel> steps;
};

void ask(benchmark::State& state, Engine& engine) {
  StepBatch batch;
  batch.prompts.assign(static_cast<std::size_t>(state.range(0)), {.tokens = 128, .cached = 64});
  std::int64_t i = 0;
  for (auto _ : state) {
    batch.decodes = 1 + i % 200;
    batch.decode_kv = batch.decodes * (300 + i % 97);
    ++i;
    benchmark::DoNotOptimize(engine.steps->time(batch));
  }
  state.SetItemsProcessed(state.iterations());
}

void dense_model(benchmark::State& state) {
  static Engine engine("h100-sxm", "llama3.1-8b", 1);
  ask(state, engine);
}
BENCHMARK(dense_model)->Arg(0)->Arg(2)->Arg(8);

void latent_experts(benchmark::State& state) {
  static Engine engine("h200-sxm", "deepseek-v3", 8);
  ask(state, engine);
}
BENCHMARK(latent_experts)->Arg(0)->Arg(2);

}  // namespace

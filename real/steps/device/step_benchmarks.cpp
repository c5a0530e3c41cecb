#include "real/steps/device/step_benchmarks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "real/steps/step_rows.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::real {
namespace {

constexpr std::int64_t kTokens = 8192;  // of a step, about
constexpr int kOpRepeats = 7;
constexpr std::int64_t kCheckedWeights = 1 << 20;

StepShape model_named(const std::string& name) {
  const ShapeOfModel found = step_shape_of(name);
  if (!found.shape)
    throw base::InputError({}, fmt::format("no step can be made of this model: {}", found.reason));
  return *found.shape;
}

StepShape sized(StepShape shape, std::int64_t longest) {
  shape.sequence = std::min(shape.sequence, longest);
  shape.batch = std::max<std::int64_t>(1, kTokens / shape.sequence);
  return shape;
}

StepShape block_sized(const std::string& name) {
  StepShape shape = sized(model_named(name), 4096);
  shape = block_of(shape, 1);
  shape.name = name + " block";
  return shape;
}

// What is run where nothing is asked for: blocks as large models have them, and GPTs that fit.
std::vector<StepShape> step_shapes(const Selection& selection) {
  if (selection.model) {
    const std::string& name = selection.model->name;
    return {block_sized(name), sized(model_named(name), 4096)};
  }
  if (selection.effort == Effort::quick)
    return {block_sized("gpt3-125m"), sized(model_named("gpt3-125m"), 1024)};
  return {block_sized("gpt3-1.3b"),
          block_sized("llama2-7b"),
          block_sized("llama3-8b"),
          block_sized("llama3-70b"),
          sized(model_named("gpt3-125m"), 1024),
          sized(model_named("gpt3-350m"), 2048)};
}

// Same bits in, same bits out, whichever replica: FNV-1a over the first master weights.
std::string fingerprint(const DeviceStep& step) {
  const auto count = std::min<std::int64_t>(kCheckedWeights, step.layout().size());
  const std::vector<float> weights = step.master_weights(count);
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const float weight : weights)
    hash = (hash ^ std::bit_cast<std::uint32_t>(weight)) * 0x100000001b3ULL;
  return fmt::format("{:016x}", hash);
}

std::string not_finite(DeviceStep& step) {
  if (step.shape().vocabulary > 0 && !std::isfinite(step.loss()))
    return fmt::format("the loss is {}", step.loss());
  const auto count = std::min<std::int64_t>(kCheckedWeights, step.layout().size());
  for (const float weight : step.master_weights(count))
    if (!std::isfinite(weight)) return "a weight is not finite after the step";
  return "";
}

// One GPU by itself.
struct LoneStep {
  Stream stream;
  StreamStopwatch stopwatch{stream};
  StepRunner runner;
  std::unique_ptr<StepGraph> graph;

  explicit LoneStep(const StepPoint& point) : runner({point.shape}, stream) {
    if (point.execution == Execution::eager) return;
    runner.run();  // loads every kernel: that is not possible while a graph is captured
    runner.wait();
    graph = std::make_unique<StepGraph>(runner.replica(0), stream);
  }
  void run() {
    if (graph)
      graph->launch(stream);
    else
      runner.run();
  }
};

Prepared prepare_alone(const StepPoint& point) {
  const auto step = std::make_shared<LoneStep>(point);
  Prepared prepared;
  prepared.run = [step](std::int64_t) { step->run(); };
  prepared.stopwatch = &step->stopwatch;
  prepared.check = [step] {
    step->stream.wait();
    return not_finite(step->runner.replica(0));
  };
  prepared.more_fields = [step] {
    const double bytes = static_cast<double>(step->runner.replica(0).memory_bytes());
    return Fields{{"memory_gib", fmt::format("{:.3f}", bytes / (1LL << 30))}, {"outcome", "ok"}};
  };
  if (point.execution == Execution::eager)
    prepared.more_rows = [step, shape = point.shape] {
      return step_op_rows(shape, step->runner.ops(), step->runner.time_ops(kOpRepeats));
    };
  return prepared;
}

// Data-parallel over every GPU of the launch.
struct SharedStep {
  NcclClique clique;
  CliqueStopwatch stopwatch;
  StepRunner runner;

  SharedStep(const StepPoint& point, const CollectiveSite& site)
      : clique(NcclApi::load(), site.devices, site.peers(), {}),
        stopwatch(clique, collectives::Op::all_reduce),
        runner({point.shape, point.exchange, point.bucket_bytes}, clique) {}
};

// Replicas saw different data and must have come out with the same weights.
std::string replicas_differ(SharedStep& step) {
  std::string mine;
  for (std::size_t i = 0; i < step.runner.replicas(); ++i)
    mine += fingerprint(step.runner.replica(i)) + "\n";
  std::string first;
  for (const std::string& of_process : step.clique.peers().gather(mine))
    for (std::size_t at = 0; at < of_process.size(); at += 17) {
      const std::string print = of_process.substr(at, 16);
      if (first.empty()) first = print;
      if (print != first) return "the replicas' weights differ after a step";
    }
  return "";
}

Prepared prepare_shared(const StepPoint& point, const CollectiveSite& site) {
  const auto step = std::make_shared<SharedStep>(point, site);
  Prepared prepared;
  prepared.run = [step](std::int64_t) { step->runner.run(); };
  prepared.stopwatch = &step->stopwatch;
  prepared.check = [step] {
    step->runner.wait();
    const std::string differ = replicas_differ(*step);
    return differ.empty() ? not_finite(step->runner.replica(0)) : differ;
  };
  prepared.more_fields = [step] {
    const double bytes = static_cast<double>(step->runner.replica(0).memory_bytes());
    return Fields{{"nodes", std::to_string(step->clique.nodes())},
                  {"memory_gib", fmt::format("{:.3f}", bytes / (1LL << 30))},
                  {"nccl", step->clique.api().version()},
                  {"outcome", "ok"}};
  };
  return prepared;
}

StepRun run_of(const StepPoint& point, const CollectiveSite& site) {
  const auto here = std::max<std::int64_t>(1, std::ssize(site.devices));
  StepRun run;
  if (point.exchange == GradientExchange::none) {
    run.implementation = point.execution == Execution::eager ? "eager" : "cuda_graph";
    return run;
  }
  run.gpus = here * site.environment.size;
  run.gpus_per_node = here * std::max(1, site.environment.local_size);
  run.overlap = point.exchange == GradientExchange::overlapped ? "gradients" : "none";
  run.bucket_bytes = point.bucket_bytes;
  return run;
}

void add(Benchmark& out, const StepPoint& point, const CollectiveSite& site) {
  out.points.push_back({step_fields(point.shape, run_of(point, site)),
                        [point, site] { return prepare_step(point, site); }});
}

}  // namespace

Prepared prepare_step(const StepPoint& point, const CollectiveSite& site) {
  try {
    return point.exchange == GradientExchange::none ? prepare_alone(point)
                                                    : prepare_shared(point, site);
  } catch (const base::EnvironmentError& error) {
    throw PointRefused(error.what());
  }
}

std::vector<Benchmark> step_benchmarks(const Selection& selection, const CollectiveSite& site) {
  Benchmark alone{"step", {}}, shared{"data_parallel_step", {}};
  const std::int64_t gpus = std::ssize(site.devices) * site.environment.size;
  std::vector<std::int64_t> buckets{std::int64_t{25} << 20};
  if (selection.effort == Effort::full) buckets.push_back(std::int64_t{100} << 20);
  for (const StepShape& shape : step_shapes(selection)) {
    for (const Execution execution : {Execution::eager, Execution::cuda_graph})
      add(alone, {shape, execution, GradientExchange::none, 0}, site);
    if (gpus < 2 || shape.vocabulary == 0) continue;
    for (const std::int64_t bucket : buckets)
      for (const GradientExchange exchange :
           {GradientExchange::after_backward, GradientExchange::overlapped})
        add(shared, {shape, Execution::eager, exchange, bucket}, site);
  }
  std::vector<Benchmark> out{std::move(alone)};
  if (!shared.points.empty()) out.push_back(std::move(shared));
  return out;
}

}  // namespace windtunnel::real

#include "tests/reports/train_sample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace windtunnel::reports::sample {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
constexpr double kForward = 1e-3;
constexpr double kBackward = 2e-3;
constexpr double kSend = 1e-4;

void add_facts(base::Outcome& outcome, double time, double memory) {
  outcome.facts = {{"iteration_time_s", time},
                   {"tokens_per_s", 1e6 / time},
                   {"mfu", 0.45},
                   {"parameters", 70553706496.0},
                   {"time_compute_s", time * 0.8},
                   {"time_bubble_s", time * 0.15},
                   {"time_tensor_comm_s", time * 0.05},
                   {"time_expert_comm_s", 0.0},
                   {"memory_total_bytes", memory},
                   {"memory_weights_bytes", memory * 0.4},
                   {"memory_activations_bytes", memory * 0.6},
                   {"memory_capacity_bytes", 80 * kGiB},
                   {"fits", memory < 78 * kGiB ? 1.0 : 0.0},
                   {"a_new_fact_s", 0.125}};
  outcome.labels = {{"schedule", "1f1b"}};
  outcome.bands["iteration_time_s"] = {time * 0.9, time * 1.1, 0.9};
}

Result frame() {
  Result result;
  result.tool_version = "0.0.0";
  result.scenarios.push_back({"train", "train.yaml", "00ff"});
  result.fact_info = {{"iteration_time_s", {"iteration time", "s", "one training step"}},
                      {"mfu", {"MFU", "", "model FLOP/s over the peak"}},
                      {"memory_total_bytes", {"memory", "bytes", "peak of the fullest stage"}}};
  return result;
}

}  // namespace

base::Table pipeline_timeline(int stages, int micro_batches) {
  base::Table table{
      {"participant", "channel", "kind", "label", "peer", "bytes", "start_s", "end_s"}, {}};
  const auto row = [&](int stage, const char* channel, const char* kind, std::string label,
                       std::string peer, double start, double length) {
    table.rows.push_back({fmt::format("stage {}", stage), std::string(channel), std::string(kind),
                          std::move(label), std::move(peer), base::Cell{}, start, start + length});
  };
  for (int s = 0; s < stages; ++s) {
    const double steady = kForward + kBackward;
    for (int m = 0; m < micro_batches; ++m) {
      const std::string name = fmt::format("micro-batch {}", m);
      const double forward = m * steady + s * kForward;
      const double backward = forward + kForward + (stages - 1 - s) * steady;
      row(s, "compute", "forward", name, "", forward, kForward);
      row(s, "compute", "backward", name, "", backward, kBackward);
      if (s + 1 < stages)
        row(s, "p2p", "send", "activations of " + name, fmt::format("stage {}", s + 1),
            forward + kForward, kSend);
    }
    row(s, "data", "gradients", "gradient reduction", "", (micro_batches + stages) * steady, 1e-3);
  }
  return table;
}

Result training_case() {
  Result result = frame();
  ResultCase one;
  one.name = "train";
  one.engine = "analytic";
  add_facts(one.outcome, 0.1, 40 * kGiB);
  one.outcome.tables["waterfall"] = {{"part", "time_s"},
                                     {{std::string("model FLOPs at peak"), 0.045},
                                      {std::string("kernels below peak, recomputation"), 0.035},
                                      {std::string("pipeline bubble"), 0.015},
                                      {std::string("tensor communication"), 0.005},
                                      {std::string("expert communication"), 0.0}}};
  base::Table stages{{"stage", "layers", "compute_s", "memory_weights_bytes",
                      "memory_activations_bytes", "memory_total_bytes", "capacity_bytes"},
                     {}};
  for (std::int64_t s = 0; s < 4; ++s) {
    const double activations = static_cast<double>(4 - s) * 6 * kGiB;
    stages.rows.push_back({s, fmt::format("{}-{}", s * 20, s * 20 + 19), 0.08, 16 * kGiB,
                           activations, 16 * kGiB + activations, 80 * kGiB});
  }
  one.outcome.tables["stages"] = std::move(stages);
  one.outcome.tables["timeline"] = pipeline_timeline(4, 8);
  result.cases.push_back(std::move(one));
  return result;
}

Result training_sweep() {
  Result result = frame();
  for (const std::int64_t tensor : {1, 2, 4}) {
    for (const std::int64_t pipeline : {1, 2, 4, 8}) {
      ResultCase one;
      one.name = fmt::format("train tensor={} pipeline={}", tensor, pipeline);
      one.parameters = {{"strategy.tensor", tensor}, {"strategy.pipeline", pipeline}};
      one.engine = "analytic";
      const double share = static_cast<double>(tensor * pipeline);
      add_facts(one.outcome, 1.0 + 0.1 * share, tensor == 1 ? 100 * kGiB : 160 * kGiB / share);
      if (tensor == 1 || (tensor == 2 && pipeline == 1)) {
        one.outcome.status = base::Status::infeasible;
        one.outcome.reason = "stage 0 needs 100 GiB of 78.4 GiB usable";
      }
      if (tensor == 4 && pipeline == 8) {
        one.outcome = {};
        one.outcome.status = base::Status::infeasible;
        one.outcome.reason = "32 does not divide the 24 GPUs";
      }
      result.cases.push_back(std::move(one));
    }
  }
  return result;
}

}  // namespace windtunnel::reports::sample

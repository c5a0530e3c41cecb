#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "real/cpu/cpu_benchmarks.hpp"
#include "real/cpu/step_point.hpp"

namespace windtunnel::real {
namespace {

using base::Seconds;

Fields fields_of(const StepSetting& setting) {
  const MlpShape& shape = setting.shape;
  const std::string ranks = std::to_string(setting.ranks);
  return {{"kind", "step"},
          {"model", shape.name()},
          {"gpus", ranks},
          {"nodes", "1"},
          {"gpus_per_node", ranks},
          {"data", ranks},
          {"layers", std::to_string(shape.widths.size() - 1)},
          {"precision", "fp32"},
          {"optimizer", shape.optimizer == MlpShape::Optimizer::adam ? "adam" : "sgd"},
          {"micro_batch", std::to_string(shape.batch)},
          {"global_batch", std::to_string(shape.batch * setting.ranks)},
          {"overlap", setting.ranks > 1 ? "none" : ""},
          {"threads", std::to_string(setting.threads)},
          {"stack", cpu_stack(setting.threads)}};
}

// What each op of the step is, as columns.
Fields fields_of(const models::KernelQuery& query) {
  Fields out;
  if (const auto* gemm = std::get_if<models::GemmQuery>(&query)) {
    out = {{"op", "gemm"},
           {"m", std::to_string(gemm->m)},
           {"n", std::to_string(gemm->n)},
           {"k", std::to_string(gemm->k)},
           {"precision", "fp32"}};
  } else if (const auto* memory = std::get_if<models::MemoryQuery>(&query)) {
    out = {{"op", std::string(to_text(memory->op))},
           {"bytes", fmt::format("{:.0f}", memory->bytes.value())}};
  }
  return out;
}

Seconds timed(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

// Median of each op over a few whole steps, ops in the order of the step.
std::vector<Fields> time_ops(MlpStep& step, const StepSetting& setting) {
  constexpr int kSteps = 15;
  struct Timed {
    Fields fields;
    std::vector<Seconds> times;
  };
  std::vector<Timed> all;
  for (int round = 0; round < kSteps; ++round) {
    std::size_t at = 0;
    const auto note = [&](const std::string& name, const Fields& fields, Seconds time) {
      if (round == 0) all.push_back({fields, {}});
      if (round == 0) set_field(all.back().fields, "notes", name);
      all[at++].times.push_back(time);
    };
    for (const MlpOp& op : step.forward_and_backward())
      note(op.name, fields_of(op.query), timed(op.run));
    if (setting.average) {
      const double bytes = 4.0 * static_cast<double>(setting.shape.parameters());
      note("gradients", {{"op", "all_reduce"}, {"bytes", fmt::format("{:.0f}", bytes)}},
           timed([&] { setting.average(step.gradients()); }));
    }
    for (const MlpOp& op : step.update()) note(op.name, fields_of(op.query), timed(op.run));
  }
  std::vector<Fields> rows;
  for (Timed& op : all) {
    Fields row = fields_of(setting);
    set_field(row, "kind", "step_op");
    set_fields(row, op.fields);
    set_field(row, "time_s", time_text(summarize(op.times).median));
    set_field(row, "samples", std::to_string(kSteps));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

Point mlp_step_point(const StepSetting& setting) {
  Point point;
  point.fields = fields_of(setting);
  point.prepare = [setting] {
    const auto step = std::make_shared<MlpStep>(setting.shape, setting.threads, 1,
                                                100 + static_cast<std::uint64_t>(setting.rank));
    Prepared out;
    out.run = [step, setting](std::int64_t) {
      for (const MlpOp& op : step->forward_and_backward()) op.run();
      if (setting.average) setting.average(step->gradients());
      for (const MlpOp& op : step->update()) op.run();
    };
    // Training on one batch brings its loss down.
    out.check = [step, setting]() -> std::string {
      const double before = step->loss();
      for (int i = 0; i < 5; ++i) {
        for (const MlpOp& op : step->forward_and_backward()) op.run();
        if (setting.average) setting.average(step->gradients());
        for (const MlpOp& op : step->update()) op.run();
      }
      if (std::isfinite(step->loss()) && step->loss() < before) return "";
      return fmt::format("the loss went from {} to {}", before, step->loss());
    };
    out.more_rows = [step, setting] { return time_ops(*step, setting); };
    return out;
  };
  return point;
}

std::vector<MlpShape> mlp_shapes() {
  // Sizes that stand in no GEMM grid of this program.
  return {{{784, 1200, 1200, 320}, 192, MlpShape::Optimizer::adam},
          {{512, 768, 768, 768, 160}, 384, MlpShape::Optimizer::sgd}};
}

std::vector<Benchmark> cpu_step_benchmarks(const Selection& selection) {
  Benchmark out{"step", {}};
  for (const int threads : thread_counts(selection)) {
    for (const MlpShape& shape : mlp_shapes())
      out.points.push_back(mlp_step_point({.shape = shape, .threads = threads}));
  }
  return {out};
}

}  // namespace windtunnel::real

#include "scenarios/steps/step_validation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "models/networks/counts.hpp"
#include "scenarios/steps/step_memory_scores.hpp"
#include "scenarios/steps/step_scores.hpp"
#include "sim/base/statistics.hpp"
#include "strategies/train/run_train.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Cell;
using base::mean;
using base::quantile;

struct Errors {
  std::vector<double> signed_errors, absolute, widths;
  int inside = 0;

  void add(const ValidatedStep& step) {
    const double time = predicted_time(step);
    const double error = time / step.measured - 1.0;
    signed_errors.push_back(error);
    absolute.push_back(std::abs(error));
    const base::Band& band = step.predicted.bands.at("iteration_time_s");
    widths.push_back((band.high - band.low) / time);
    inside += step.measured >= band.low && step.measured <= band.high ? 1 : 0;
  }
  double inside_share() const {
    return absolute.empty() ? 0.0
                            : static_cast<double>(inside) / static_cast<double>(absolute.size());
  }
};

void add_errors(const std::vector<const ValidatedStep*>& steps, base::Outcome& out) {
  Errors errors;
  for (const ValidatedStep* step : steps) errors.add(*step);
  out.facts["rows"] = static_cast<double>(steps.size());
  if (steps.empty()) return;
  out.facts["mean_abs_error"] = mean(errors.absolute);
  out.facts["median_abs_error"] = quantile(errors.absolute, 0.5);
  out.facts["p90_abs_error"] = quantile(errors.absolute, 0.9);
  out.facts["max_abs_error"] = quantile(errors.absolute, 1.0);
  out.facts["bias"] = mean(errors.signed_errors);
  out.facts["inside_band"] = errors.inside_share();
  out.facts["band_width_median"] = quantile(errors.widths, 0.5);
  const std::vector<double> null = null_errors(steps);
  if (!null.empty()) out.facts["null_mean_abs_error"] = mean(null);
  const Ranking rank = ranking(steps);
  if (const auto share = rank.ours.share()) out.facts["pair_order"] = *share;
  if (const auto share = rank.bubble_rule.share()) out.facts["pair_order_bubble_rule"] = *share;
  if (rank.ours.pairs > 0) out.facts["pairs"] = rank.ours.pairs;
  if (rank.regret) out.facts["regret"] = *rank.regret;
}

// Of what the row states; of a row that states nothing, what the device would report.
double predicted_bytes(const ValidatedStep& step) {
  if (!step.memory) return device_memory(MemoryOf::device, step.predicted);
  return is_of_layers(step.memory->stated.of) ? step.memory->layers : step.memory->predicted;
}

base::Table rows_table(const std::vector<ValidatedStep>& steps) {
  base::Table table{
      {"row", "model", "gpu", "gpus", "precision", "tensor", "pipeline", "micro_batch",
       "measured_s", "predicted_s", "error", "low_s", "high_s", "rests_on", "memory_measured_bytes",
       "memory_predicted_bytes", "memory_error", "status"},
      {}};
  for (const ValidatedStep& step : steps) {
    const double time = predicted_time(step);
    const auto band = step.predicted.bands.find("iteration_time_s");
    const auto grounds = step.predicted.rests_on.find("iteration_time_s");
    const bool both = step.measured > 0 && time > 0;
    const auto cell = [](double value) { return value > 0 ? Cell(value) : Cell(); };
    table.rows.push_back({row_name(step.row), step.row.model, step.row.gpu, *step.row.gpus,
                          step.row.precision, step.row.tensor.value_or(1),
                          step.row.pipeline.value_or(1), step.row.micro_batch.value_or(0),
                          cell(step.measured), cell(time),
                          both ? Cell(time / step.measured - 1.0) : Cell(),
                          band == step.predicted.bands.end() ? Cell() : Cell(band->second.low),
                          band == step.predicted.bands.end() ? Cell() : Cell(band->second.high),
                          grounds == step.predicted.rests_on.end()
                              ? std::string()
                              : fmt::format("{}", fmt::join(grounds->second, " ")),
                          step.row.memory_gib ? Cell(*step.row.memory_gib * 1073741824.0) : Cell(),
                          cell(predicted_bytes(step)),
                          step.memory ? Cell(step.memory->error()) : Cell(), status_of(step)});
  }
  return table;
}

base::Table groups_table(const std::vector<const ValidatedStep*>& steps) {
  std::map<std::vector<std::string>, Errors> groups;
  for (const ValidatedStep* step : steps) {
    const auto software = step->predicted.labels.find("software");
    groups[{step->row.gpu, step->row.precision,
            software == step->predicted.labels.end() ? "" : software->second, step->row.model}]
        .add(*step);
  }
  base::Table table{{"gpu", "precision", "software", "model", "rows", "median_abs_error",
                     "mean_abs_error", "bias", "inside_band"},
                    {}};
  for (const auto& [key, errors] : groups) {
    table.rows.push_back({key[0], key[1], key[2], key[3],
                          static_cast<std::int64_t>(errors.absolute.size()),
                          quantile(errors.absolute, 0.5), mean(errors.absolute),
                          mean(errors.signed_errors), errors.inside_share()});
  }
  return table;
}

base::Table inferred_table(const std::vector<ValidatedStep>& steps) {
  std::map<std::string, std::int64_t> counts;
  for (const ValidatedStep& step : steps) {
    for (const std::string& what : step.inferred) ++counts[what];
  }
  base::Table table{{"inferred", "rows"}, {}};
  for (const auto& [what, rows] : counts) table.rows.push_back({what, rows});
  return table;
}

double bubble_rule_of(const strategies::TrainJob& job, std::int64_t gpus) {
  const auto& s = job.strategy;
  const std::int64_t data = gpus / (s.sizes.tensor * s.sizes.pipeline * s.sizes.context);
  const double micro_batches = static_cast<double>(job.workload.global_batch) /
                               static_cast<double>(std::max<std::int64_t>(1, data * s.micro_batch));
  return static_cast<double>(s.sizes.pipeline - 1) /
         (micro_batches * static_cast<double>(s.virtual_stages));
}

// Kernel models by GPU: a profile is bound once.
class StepRunner {
 public:
  explicit StepRunner(const StepModels& models) : models_(models) {}

  ValidatedStep run(StepRow row, StepScenario scenario) {
    ValidatedStep out;
    const sim::Gpu& gpu = scenario.cluster->node.gpu;
    auto& kernels = kernels_[gpu.name];
    if (kernels == nullptr) kernels = models_.kernels(gpu);
    out.predicted = strategies::run_train(scenario.job, {*scenario.model, *scenario.network},
                                          {scenario.cluster, *kernels, models_.links.get()},
                                          {.timeline_rows = 0});
    out.measured = row.measured_time().value_or(0.0);
    const std::int64_t length = scenario.job.workload.sequence_length > 0
                                    ? scenario.job.workload.sequence_length
                                    : scenario.network->max_positions;
    out.model_flops = models::model_flops_per_sample(*scenario.network, length).value() *
                      static_cast<double>(scenario.job.workload.global_batch);
    out.bubble_rule = bubble_rule_of(scenario.job, *row.gpus);
    if (const auto stated = stated_memory(row); stated && !out.predicted.facts.empty()) {
      out.memory = compare_memory(*stated, scenario, out.predicted);
    }
    out.inferred = std::move(scenario.inferred);
    out.row = std::move(row);
    return out;
  }

 private:
  const StepModels& models_;
  std::map<std::string, std::shared_ptr<const models::KernelTimeModel>> kernels_;
};

// Nothing to hold a prediction against: no time, no rate, no memory, no word of how it ended.
bool states_nothing(const StepRow& row) {
  return !row.measured_time() && !row.memory_gib && !row.memory_percent && row.outcome.empty();
}

}  // namespace

std::string row_name(const StepRow& row) {
  return row.id.empty() ? fmt::format("line {}", row.origin.line) : row.id;
}

base::Outcome StepValidation::outcome() const {
  base::Outcome out;
  const std::vector<const ValidatedStep*> timed = scored(steps);
  add_errors(timed, out);
  add_memory_scores(steps, out);
  out.facts["skipped"] = static_cast<double>(skipped.size());
  out.tables["rows"] = rows_table(steps);
  out.tables["groups"] = groups_table(timed);
  if (out.facts.contains("memory_rows")) {
    out.tables["memory_rows"] = memory_table(steps);
    out.tables["memory_groups"] = memory_groups_table(steps);
  }
  out.tables["inferred"] = inferred_table(steps);
  base::Table left_out{{"line", "reason"}, {}};
  for (const SkippedStep& one : skipped) {
    left_out.rows.push_back({fmt::format("{}:{}", one.origin.file, one.origin.line), one.reason});
  }
  out.tables["skipped"] = std::move(left_out);
  return out;
}

StepValidation validate_steps(const std::vector<calibration::GenericRow>& rows,
                              const StepModels& models) {
  StepValidation out;
  StepRunner runner(models);
  for (const calibration::GenericRow& row : rows) {
    if (row.kind != "step") continue;
    StepReading reading = read_step(row);
    if (!reading.row) {
      out.skipped.push_back({row.origin, reading.reason});
      continue;
    }
    StepTurning turned = scenario_of(*reading.row);
    if (!turned.scenario) {
      out.skipped.push_back({row.origin, turned.reason});
      continue;
    }
    if (states_nothing(*reading.row)) {
      out.skipped.push_back({row.origin, "states neither time_s, tokens/s nor memory"});
      continue;
    }
    ValidatedStep step = runner.run(*std::move(reading.row), *std::move(turned.scenario));
    if (step.predicted.facts.empty()) {
      out.skipped.push_back({row.origin, step.predicted.reason});
      continue;
    }
    out.steps.push_back(std::move(step));
  }
  return out;
}

}  // namespace windtunnel::scenarios

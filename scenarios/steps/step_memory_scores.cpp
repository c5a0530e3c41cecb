#include "scenarios/steps/step_memory_scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "sim/base/statistics.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Cell;
using base::mean;
using base::quantile;

struct MemoryErrors {
  std::vector<double> signed_errors, absolute;
  int inside = 0;

  void add(const ComparedMemory& memory) {
    signed_errors.push_back(memory.error());
    absolute.push_back(std::abs(memory.error()));
    inside += memory.inside() ? 1 : 0;
  }
  double inside_share() const { return inside / static_cast<double>(absolute.size()); }
};

// Of rows with the same GPU and quantity.
std::vector<double> null_memory_errors(const std::vector<ValidatedStep>& steps) {
  std::map<std::pair<std::string, MemoryOf>, std::vector<double>> groups;
  for (const ValidatedStep& step : steps) {
    if (step.memory)
      groups[{step.row.gpu, step.memory->stated.of}].push_back(step.memory->stated.value);
  }
  std::vector<double> errors;
  for (const auto& [key, stated] : groups) {
    for (std::size_t i = 0; i < stated.size(); ++i) {
      std::vector<double> others = stated;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      if (!others.empty()) errors.push_back(std::abs(quantile(others, 0.5) / stated[i] - 1.0));
    }
  }
  return errors;
}

bool is_set(const ValidatedStep& step, const char* fact) {
  const auto found = step.predicted.facts.find(fact);
  return found != step.predicted.facts.end() && found->second > 0;
}

bool ran_out(const StepRow& row) {
  return row.outcome == "oom" || row.outcome == "OOM";
}

void add_out_of_memory(const std::vector<ValidatedStep>& steps, base::Outcome& out) {
  double short_of = 0, flagged = 0, alarms = 0, limits = 0, limit_alarms = 0;
  for (const ValidatedStep& step : steps) {
    if (!step.predicted.facts.contains("fits")) continue;
    const bool limit = is_set(step, "memory_at_limit");
    const bool flag = limit || !is_set(step, "fits");
    const bool out_of_it = ran_out(step.row);
    const bool alarm = flag && !out_of_it && step.measured > 0;
    short_of += out_of_it ? 1 : 0;
    flagged += out_of_it && flag ? 1 : 0;
    alarms += alarm ? 1 : 0;
    limits += limit ? 1 : 0;
    limit_alarms += alarm && limit ? 1 : 0;
  }
  out.facts["out_of_memory_rows"] = short_of;
  out.facts["out_of_memory_flagged"] = flagged;
  out.facts["out_of_memory_false_alarms"] = alarms;
  out.facts["memory_at_limit_rows"] = limits;
  out.facts["memory_at_limit_false_alarms"] = limit_alarms;
}

}  // namespace

void add_memory_scores(const std::vector<ValidatedStep>& steps, base::Outcome& out) {
  MemoryErrors errors;
  for (const ValidatedStep& step : steps) {
    if (step.memory) errors.add(*step.memory);
  }
  if (!errors.absolute.empty()) {
    out.facts["memory_rows"] = static_cast<double>(errors.absolute.size());
    out.facts["memory_mean_abs_error"] = mean(errors.absolute);
    out.facts["memory_median_abs_error"] = quantile(errors.absolute, 0.5);
    out.facts["memory_p90_abs_error"] = quantile(errors.absolute, 0.9);
    out.facts["memory_max_abs_error"] = quantile(errors.absolute, 1.0);
    out.facts["memory_bias"] = mean(errors.signed_errors);
    out.facts["memory_inside_band"] = errors.inside_share();
    const std::vector<double> null = null_memory_errors(steps);
    if (!null.empty()) out.facts["memory_null_mean_abs_error"] = mean(null);
  }
  add_out_of_memory(steps, out);
}

base::Table memory_table(const std::vector<ValidatedStep>& steps) {
  base::Table table{
      {"row", "model", "memory_of", "measured_bytes", "predicted_bytes", "measured_fraction",
       "predicted_fraction", "error", "inside_band", "whole_stage_bytes", "gpus", "tensor",
       "pipeline", "virtual_stages", "micro_batch", "sequence_parallel", "recompute"},
      {}};
  for (const ValidatedStep& step : steps) {
    if (!step.memory) continue;
    const ComparedMemory& memory = *step.memory;
    const bool share = memory.stated.of == MemoryOf::activation_share;
    const auto if_share = [&](double value) { return share ? Cell(value) : Cell(); };
    const auto if_bytes = [&](double value) { return share ? Cell() : Cell(value); };
    const StepRow& row = step.row;
    table.rows.push_back(
        {row_name(row), row.model, std::string(to_text(memory.stated.of)),
         if_bytes(memory.stated.value), if_bytes(memory.predicted), if_share(memory.stated.value),
         if_share(memory.predicted), memory.error(), std::int64_t{memory.inside() ? 1 : 0},
         memory.stage > 0 ? Cell(memory.stage) : Cell(), *row.gpus, row.tensor.value_or(1),
         row.pipeline.value_or(1), row.virtual_stages.value_or(1), row.micro_batch.value_or(0),
         row.sequence_parallel ? Cell(*row.sequence_parallel) : Cell(), row.recompute});
  }
  return table;
}

base::Table memory_groups_table(const std::vector<ValidatedStep>& steps) {
  std::map<MemoryOf, MemoryErrors> groups;
  for (const ValidatedStep& step : steps) {
    if (step.memory) groups[step.memory->stated.of].add(*step.memory);
  }
  base::Table table{
      {"memory_of", "rows", "median_abs_error", "mean_abs_error", "bias", "inside_band"}, {}};
  for (const auto& [of, errors] : groups) {
    table.rows.push_back({std::string(to_text(of)),
                          static_cast<std::int64_t>(errors.absolute.size()),
                          quantile(errors.absolute, 0.5), mean(errors.absolute),
                          mean(errors.signed_errors), errors.inside_share()});
  }
  return table;
}

std::string status_of(const ValidatedStep& step) {
  // What a profile counts need not fit: nothing ran.
  if (step.memory && is_of_layers(step.memory->stated.of) && step.measured <= 0) return "";
  if (!step.predicted.reason.empty()) return step.predicted.reason;
  if (is_set(step, "memory_at_limit")) {
    const auto& warnings = step.predicted.warnings;
    const auto found = std::find_if(warnings.begin(), warnings.end(), [](const std::string& text) {
      return text.find("fits at the limit") != std::string::npos;
    });
    if (found != warnings.end()) return *found;
  }
  return "";
}

}  // namespace windtunnel::scenarios

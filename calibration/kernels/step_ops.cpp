#include "calibration/kernels/step_ops.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <tuple>

#include "calibration/kernels/kernel_csv.hpp"

namespace windtunnel::calibration {
namespace {

// The row as the kernel's own kind has it.
GenericRow as_kernel(GenericRow row) {
  const std::string kernel = row.field("kernel");
  const bool product = kernel == "gemm" || kernel == "attention";
  if (kernel == "attention") {
    row.fields["phase"] = row.field("phase") == "backward" ? "backward" : "context";
  } else {
    row.fields.erase("phase");
  }
  if (!product) row.fields["op"] = kernel;
  row.kind = product ? kernel : "memory";
  row.fields.erase("kernel");
  row.fields.erase("implementation");
  return row;
}

using StepKey = std::tuple<std::string, std::string, std::string>;  // file, GPU, model
StepKey key_of(const GenericRow& row) {
  return {row.origin.file, canonical_gpu(row.field("gpu")), row.field("model")};
}

// Times of whole steps on one GPU; an eager run is the one that the ops were timed in.
std::map<StepKey, double> whole_steps(const std::vector<GenericRow>& rows) {
  std::map<StepKey, double> steps;
  for (const GenericRow& row : rows) {
    if (row.kind != "step" || row.field("gpus") != "1") continue;
    const bool graph = row.field("implementation") == "cuda_graph";
    const double time = std::strtod(row.field("time_s").c_str(), nullptr);
    if (!(time > 0.0)) continue;
    if (graph)
      steps.emplace(key_of(row), time);
    else
      steps[key_of(row)] = time;
  }
  return steps;
}

double calls_of(const GenericRow& row) {
  const double calls = std::strtod(row.field("layers").c_str(), nullptr);
  return calls >= 1.0 ? calls : 1.0;
}

StepOfOps& step_for(std::vector<StepOfOps>& steps, const std::string& gpu,
                    const std::string& model) {
  const auto found = std::find_if(steps.begin(), steps.end(), [&](const StepOfOps& step) {
    return step.gpu == gpu && step.model == model;
  });
  if (found != steps.end()) return *found;
  steps.push_back({gpu, model});
  return steps.back();
}

}  // namespace

StepOpValidation validate_step_ops(ModelShelf& shelf, const std::vector<GenericRow>& rows) {
  Measurements ops;
  std::map<std::pair<std::string, int>, const GenericRow*> origins;
  for (const GenericRow& row : rows) {
    if (row.kind != "step_op") continue;
    ops.other.push_back(as_kernel(row));
    origins[{row.origin.file, row.origin.line}] = &row;
  }
  StepOpValidation out;
  if (ops.other.empty()) return out;
  KernelRows kernels;
  take_kernel_rows(ops, kernels);
  out.ops = validate_kernels(shelf, kernels);
  std::stable_sort(
      out.ops.rows.begin(), out.ops.rows.end(), [](const ScoredKernel& a, const ScoredKernel& b) {
        return std::tie(a.origin.file, a.origin.line) < std::tie(b.origin.file, b.origin.line);
      });
  const std::map<StepKey, double> measured = whole_steps(rows);
  for (const ScoredKernel& op : out.ops.rows) {
    const GenericRow& row = *origins.at({op.origin.file, op.origin.line});
    out.names.push_back(row.field("op"));
    StepOfOps& step = step_for(out.steps, op.gpu, row.field("model"));
    const double calls = calls_of(row);
    ++step.ops;
    step.measured_ops += calls * op.measured;
    step.predicted_ops += calls * op.predicted.time.value();
    step.predicted_low += calls * op.predicted.low.value();
    step.predicted_high += calls * op.predicted.high.value();
    const auto whole = measured.find(key_of(row));
    if (whole != measured.end()) step.measured_step = whole->second;
  }
  return out;
}

base::Table StepOpValidation::ops_table() const {
  base::Table table{{"line", "gpu", "op", "kind", "shape", "measured_s", "predicted_s", "error",
                     "band_low_s", "band_high_s", "inside_band", "rests_on"},
                    {}};
  for (std::size_t i = 0; i < ops.rows.size(); ++i) {
    const ScoredKernel& r = ops.rows[i];
    table.rows.push_back({std::int64_t{r.origin.line}, r.gpu, names[i], r.kind, r.shape, r.measured,
                          r.predicted.time.value(), r.error, r.predicted.low.value(),
                          r.predicted.high.value(), std::int64_t{r.inside_band ? 1 : 0},
                          std::string(to_text(r.predicted.basis))});
  }
  return table;
}

base::Table StepOpValidation::steps_table() const {
  base::Table table{{"gpu", "model", "ops", "measured_step_s", "measured_ops_s", "predicted_s",
                     "error", "band_low_s", "band_high_s"},
                    {}};
  for (const StepOfOps& s : steps) {
    const bool whole = s.measured_step > 0.0;
    table.rows.push_back({s.gpu, s.model, s.ops, whole ? base::Cell{s.measured_step} : base::Cell{},
                          s.measured_ops, s.predicted_ops,
                          s.predicted_ops / (whole ? s.measured_step : s.measured_ops) - 1.0,
                          s.predicted_low, s.predicted_high});
  }
  return table;
}

}  // namespace windtunnel::calibration

#include "scenarios/cli/measurement_flags.hpp"

#include <fmt/format.h>

#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios::cli {

namespace {

using calibration::CollectiveMeasurement;
using calibration::MeasuredFile;

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const collectives::Op op : collectives::kOps) names.emplace_back(collectives::to_text(op));
  return names;
}

void fill(std::string& field, const std::string& given) {
  if (field.empty()) field = given;
}

std::vector<calibration::Filter> filters_of(const std::vector<std::string>& where,
                                            const std::string& verb) {
  std::vector<calibration::Filter> filters;
  for (const std::string& text : where) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError(verb, fmt::format("--where: '{}' is not COLUMN=VALUE", text));
    }
    filters.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  return filters;
}

}  // namespace

void MeasurementFlags::add_to(Arguments& arguments) {
  verb_ = arguments.verb();
  arguments.list("--where", where, "COLUMN=VALUE", "use only rows with this value; repeatable");
  arguments.choice("--op", op, op_names(), "the collective, where a log does not say");
  arguments.count("--nodes", nodes, {.least = 1, .most = 1'000'000},
                  "nodes, where a log does not say");
  arguments.count("--gpus-per-node", gpus_per_node, {.least = 1, .most = 1024},
                  "GPUs of a node, where a log does not say");
  arguments.text("--interconnect", interconnect, "TEXT", "network between nodes, where not said");
  arguments.text("--launch", launch, "TEXT",
                 "per_gpu_process or one_process_per_node, where not said");
}

MeasuredFile MeasurementFlags::read(const std::string& file, const Console& console) const {
  calibration::LogHints hints;
  if (!op.empty()) hints.op = collectives::op_from_text(op);
  if (nodes) hints.nodes = static_cast<int>(*nodes);
  if (gpus_per_node) hints.gpus_per_node = static_cast<int>(*gpus_per_node);
  MeasuredFile read = calibration::read_measured_file(file, hints);
  for (CollectiveMeasurement& row : read.measurements.collectives) {
    fill(row.gpu, gpu);
    fill(row.fabric, fabric);
    fill(row.interconnect, interconnect);
    fill(row.launch, launch);
    fill(row.stack, stack);
  }
  calibration::fill_blanks(read.kernels, {.gpu = gpu, .stack = stack});
  const std::vector<calibration::Filter> filters = filters_of(where, verb_);
  calibration::apply_filters(read.measurements, filters);
  calibration::apply_filters(read.kernels, filters);
  base::Diagnostics said = read.measurements.diagnostics;
  said.append(read.kernels.diagnostics);
  if (said.has_errors()) throw base::InputError(said);
  console.diagnostics(said);
  return read;
}

}  // namespace windtunnel::scenarios::cli

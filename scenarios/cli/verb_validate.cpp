// `windtunnel validate`: predictions held against measured rows.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "calibration/fabric_model.hpp"
#include "calibration/validate.hpp"
#include "scenarios/cli/files.hpp"
#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/measurement_flags.hpp"
#include "scenarios/cli/result_output.hpp"
#include "scenarios/cli/verb.hpp"
#include "scenarios/study_site.hpp"

namespace windtunnel::scenarios::cli {

namespace {

struct ValidateFlags {
  std::vector<std::string> files;
  std::string profile;  // empty: the shipped one
  std::string out;
  MeasurementFlags measurements;
  OutputFlags output;
};

ValidateFlags parse(const Invocation& invocation) {
  ValidateFlags flags;
  Arguments arguments("validate",
                      "Predict measured rows and show how far off the predictions are.");
  arguments.positional(
      "[PROFILE.yaml] FILE", flags.files, {.least = 1},
      "measurement CSV, or output of nccl-tests; a profile first, if not the shipped one");
  flags.measurements.add_to(arguments);
  arguments.text("--gpu", flags.measurements.gpu, "NAME", "the GPU, where a file does not say");
  arguments.text("--fabric", flags.measurements.fabric, "NAME",
                 "the cluster, where a file does not say");
  arguments.text("--stack", flags.measurements.stack, "NAME",
                 "the software, where a file does not say");
  flags.output.add_to(arguments);
  arguments.text("--out,-o", flags.out, "DIR",
                 "write result.json, result.csv, report.html and trace.json there");
  arguments.parse(invocation.arguments);
  if (flags.files.front().ends_with(".yaml") || flags.files.front().ends_with(".yml")) {
    flags.profile = flags.files.front();
    flags.files.erase(flags.files.begin());
  }
  if (flags.files.empty()) throw UsageError("validate", "FILE is missing");
  return flags;
}

calibration::FabricModel model_of(const ValidateFlags& flags) {
  if (flags.profile.empty()) return calibration::FabricModel(calibration::shipped_profile());
  return calibration::FabricModel(load_profile(flags.profile));
}

// A profile that was fitted to this very file is no stranger to it.
void warn_if_fitted(const calibration::FabricModel& model,
                    const calibration::Measurements& measured, std::vector<std::string>& warnings) {
  for (const calibration::MeasurementFile& fitted : model.profile().provenance.files) {
    for (const calibration::MeasurementFile& file : measured.files) {
      if (fitted.sha256 != file.sha256) continue;
      warnings.push_back(
          fmt::format("{}: the profile {} was fitted to these rows, so their errors do not "
                      "test it; `doctor --profile` and the profile's head state the errors on "
                      "rows held out",
                      file.name, model.name()));
    }
  }
}

// One case a file, over all its rows.
reports::ResultCase validate_file(const calibration::FabricModel& model, const std::string& file,
                                  const ValidateFlags& flags, const Console& console,
                                  std::vector<std::string>& warnings) {
  const auto start = std::chrono::steady_clock::now();
  const calibration::Measurements measured = flags.measurements.read(file, console);
  warn_if_fitted(model, measured, warnings);
  const calibration::Validation validation = calibration::validate(model, measured);
  reports::ResultCase one;
  one.name = std::filesystem::path(file).filename().string();
  one.parameters = {{"file", file}};
  one.engine = "model";
  one.outcome.facts = validation.facts();
  one.outcome.tables["rows"] = validation.rows_table();
  one.outcome.tables["groups"] = validation.groups_table();
  if (!validation.skipped.empty()) one.outcome.tables["skipped"] = validation.skipped_table();
  if (validation.rows.empty()) {
    one.outcome.status = base::Status::infeasible;
    one.outcome.reason = "no row of this file can be predicted";
  }
  one.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return one;
}

}  // namespace

ExitCode verb_validate(const Invocation& invocation) {
  const ValidateFlags flags = parse(invocation);
  Console console = flags.output.console();
  const calibration::FabricModel model = model_of(flags);
  if (!flags.out.empty()) prepare_folder(flags.out);
  reports::Result result;
  result.tool_version = invocation.tool.version;
  result.tool_git = invocation.tool.git;
  result.calibrations = {model.name()};
  for (const auto& [name, info] : calibration::validation_fact_info())
    result.fact_info[name] = info;
  for (const std::string& file : flags.files) {
    result.cases.push_back(validate_file(model, file, flags, console, result.warnings));
  }
  for (const std::string& warning : result.warnings) console.warning(warning);
  print_result(result, flags.output.format(), console);
  if (!flags.out.empty()) write_result(result, flags.out, console);
  for (const reports::ResultCase& one : result.cases) {
    if (one.outcome.status == base::Status::ok) return ExitCode::ok;
  }
  console.error(result.cases.front().outcome.reason);
  return ExitCode::not_met;
}

}  // namespace windtunnel::scenarios::cli

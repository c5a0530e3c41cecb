// `windtunnel validate`: predictions held against measured rows.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "calibration/fabric_model.hpp"
#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/engine_profile.hpp"
#include "calibration/kernels/kernel_calibrate.hpp"
#include "calibration/kernels/kernel_profile_file.hpp"
#include "calibration/kernels/kernel_validate.hpp"
#include "calibration/kernels/step_ops.hpp"
#include "calibration/validate.hpp"
#include "scenarios/cli/files.hpp"
#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/measurement_flags.hpp"
#include "scenarios/cli/result_output.hpp"
#include "scenarios/cli/verb.hpp"
#include "scenarios/document/source_text.hpp"
#include "scenarios/serving/serve_validation.hpp"
#include "scenarios/steps/step_validation.hpp"
#include "scenarios/study_site.hpp"

namespace windtunnel::scenarios::cli {

namespace {

struct ValidateFlags {
  std::vector<std::string> files;
  std::string profile, fabric_profile;  // of kernels, of links; empty: the shipped ones
  std::string out;
  bool held_out = false;
  MeasurementFlags measurements;
  OutputFlags output;
};

// The YAML files in front: one of kernels, one of links, in either order.
void take_profiles(ValidateFlags& flags) {
  constexpr std::size_t kLargestProfile = std::size_t{16} << 20;
  while (!flags.files.empty() &&
         (flags.files.front().ends_with(".yaml") || flags.files.front().ends_with(".yml"))) {
    const std::string file = flags.files.front();
    const bool kernels = calibration::is_kernel_profile(read_file(file, kLargestProfile));
    std::string& slot = kernels ? flags.profile : flags.fabric_profile;
    if (!slot.empty())
      throw UsageError("validate", fmt::format("{} and {} are both profiles of {}", slot, file,
                                               kernels ? "kernels" : "links"));
    slot = file;
    flags.files.erase(flags.files.begin());
  }
}

ValidateFlags parse(const Invocation& invocation) {
  ValidateFlags flags;
  Arguments arguments("validate",
                      "Predict measured rows and show how far off the predictions are.");
  arguments.positional("[PROFILE.yaml...] FILE", flags.files, {.least = 0},
                       "measurement CSV, output of nccl-tests, kernel tables or a folder of these; "
                       "first a profile of kernels, of links or one of each, if not the shipped "
                       "ones");
  arguments.flag(
      "--held-out", flags.held_out,
      "the errors on held-out rows that the shipped kernel profiles (or the one given) "
      "state: GPU, stack, kind, format; with --verbose every kernel and split; takes no FILE");
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
  take_profiles(flags);
  if (flags.held_out && !flags.files.empty())
    throw UsageError("validate", "--held-out reads profiles alone and takes no FILE");
  if (flags.files.empty() && !flags.held_out) throw UsageError("validate", "FILE is missing");
  return flags;
}

// What answers: the fabric model for collectives, the shelf for kernels.
struct Models {
  calibration::FabricModel fabric;
  calibration::ModelShelf kernels;
  std::vector<calibration::MeasurementFile> kernel_files;  // that the user's profile was fitted to
  std::string kernel_profile;
};

// A kernel profile may have a fabric profile beside it: "my.yaml", "my.fabric.yaml".
Models models_of(const ValidateFlags& flags) {
  namespace fs = std::filesystem;
  std::string links = flags.fabric_profile;
  if (links.empty() && !flags.profile.empty()) {
    const std::string beside = fs::path(flags.profile).replace_extension(".fabric.yaml").string();
    if (fs::exists(beside)) links = beside;
  }
  calibration::FabricModel fabric(links.empty() ? calibration::shipped_profile()
                                                : load_profile(links));
  if (flags.profile.empty()) return {std::move(fabric), {}, {}, {}};
  calibration::KernelProfile own = calibration::load_kernel_profile(flags.profile);
  std::vector<calibration::MeasurementFile> files = own.files;
  std::string name = own.name;
  return {std::move(fabric), calibration::ModelShelf(std::move(own)), std::move(files),
          std::move(name)};
}

// A profile that was fitted to this very file is no stranger to it.
void warn_if_fitted(const std::string& profile,
                    const std::vector<calibration::MeasurementFile>& fitted,
                    const std::vector<calibration::MeasurementFile>& measured,
                    std::vector<std::string>& warnings) {
  for (const calibration::MeasurementFile& one : fitted) {
    for (const calibration::MeasurementFile& file : measured) {
      if (one.sha256 != file.sha256) continue;
      warnings.push_back(
          fmt::format("{}: the profile {} was fitted to these rows, so their errors do not "
                      "test it; `doctor --profile` and the profile's head state the errors on "
                      "rows held out",
                      file.name, profile));
    }
  }
}

void add_tables(const calibration::Validation& collectives,
                const calibration::KernelValidation& kernels, base::Outcome& out) {
  const bool both = !collectives.rows.empty() && !kernels.rows.empty();
  if (!collectives.rows.empty() || kernels.rows.empty()) {
    out.tables["rows"] = collectives.rows_table();
    out.tables["groups"] = collectives.groups_table();
  }
  if (!kernels.rows.empty()) {
    out.tables[both ? "kernel_rows" : "rows"] = kernels.rows_table();
    out.tables[both ? "kernel_groups" : "groups"] = kernels.groups_table();
    out.tables["roofline"] = kernels.roofline_table();
  }
  calibration::Validation skipped;
  skipped.skipped = collectives.skipped;
  skipped.skipped.insert(skipped.skipped.end(), kernels.skipped.begin(), kernels.skipped.end());
  if (!skipped.skipped.empty()) out.tables["skipped"] = skipped.skipped_table();
}

// Measured training iterations: each becomes a scenario; ops measured inside one are predicted as
// kernels and added up.
reports::ResultCase validate_step_file(const calibration::Measurements& measured,
                                       calibration::ModelShelf& shelf, const std::string& file,
                                       const std::string& profile, reports::Result& result) {
  const auto start = std::chrono::steady_clock::now();
  StepModels models;
  models.links = calibration::shipped_model();
  models.kernels = [&profile](const sim::Gpu& gpu) {
    return calibration::kernel_model_for(gpu, profile);
  };
  StepValidation steps = validate_steps(measured.other, models);
  for (const calibration::SkippedRow& row : measured.skipped)
    steps.skipped.push_back({row.origin, row.reason});
  reports::ResultCase one;
  one.name = std::filesystem::path(file).filename().string();
  one.parameters = {{"file", file}};
  one.engine = "analytic";
  one.outcome = steps.outcome();
  for (const auto& [name, info] : step_validation_fact_info()) result.fact_info[name] = info;
  const calibration::StepOpValidation ops = calibration::validate_step_ops(shelf, measured.other);
  if (!ops.empty()) {
    one.outcome.tables["step_ops"] = ops.ops_table();
    one.outcome.tables["steps_of_ops"] = ops.steps_table();
    for (const std::string& name : ops.ops.profiles) result.calibrations.push_back(name);
  }
  if (steps.steps.empty() && ops.ops.rows.empty()) {
    one.outcome.status = base::Status::infeasible;
    one.outcome.reason = "no row of this file can be predicted";
  }
  one.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return one;
}

// Rows of kinds that nothing predicts: listed, never dropped in silence.
void skip_unknown_kinds(calibration::Measurements& measured,
                        std::initializer_list<std::string_view> known) {
  for (const calibration::GenericRow& row : measured.other) {
    if (std::find(known.begin(), known.end(), row.kind) != known.end()) continue;
    measured.skipped.push_back(
        {row.origin, fmt::format("kind '{}' is not predicted here; kinds are step (one training "
                                 "iteration), serve (one serving point), collective, gemm, "
                                 "attention, memory, copy and launch, and a file has steps, "
                                 "serving points or the others",
                                 row.kind)});
  }
}

bool has_kind(const std::vector<calibration::GenericRow>& rows, const char* kind) {
  return std::any_of(rows.begin(), rows.end(),
                     [kind](const calibration::GenericRow& row) { return row.kind == kind; });
}

// Measured serving runs: each becomes a scenario.
reports::ResultCase validate_serve_file(const calibration::Measurements& measured,
                                        const std::string& file, const std::string& profile,
                                        reports::Result& result) {
  const auto start = std::chrono::steady_clock::now();
  ServeModels models;
  models.links = calibration::shipped_model();
  models.kernels = [&profile](const sim::Gpu& gpu, const std::string& engine) {
    return profile.empty() ? calibration::engine_kernels(gpu, engine)
                           : calibration::kernel_model_for(gpu, profile);
  };
  ServeValidation serving = validate_serving(measured.other, models);
  for (const calibration::SkippedRow& row : measured.skipped) serving.skipped.push_back(row);
  reports::ResultCase one;
  one.name = std::filesystem::path(file).filename().string();
  one.parameters = {{"file", file}};
  one.engine = "analytic";
  one.outcome = serving.outcome();
  for (const auto& [name, info] : serve_validation_fact_info()) result.fact_info[name] = info;
  if (serving.runs.empty()) {
    one.outcome.status = base::Status::infeasible;
    one.outcome.reason = "no row of this file can be predicted";
  }
  one.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return one;
}

// One case a file, over all its rows.
reports::ResultCase validate_file(Models& models, const std::string& file,
                                  const ValidateFlags& flags, const Console& console,
                                  reports::Result& result) {
  const auto start = std::chrono::steady_clock::now();
  calibration::MeasuredFile measured = flags.measurements.read(file, console);
  warn_if_fitted(models.fabric.name(), models.fabric.profile().provenance.files,
                 measured.measurements.files, result.warnings);
  for (const auto* files : {&measured.kernels.files, &measured.measurements.files})
    warn_if_fitted(models.kernel_profile, models.kernel_files, *files, result.warnings);
  if (has_kind(measured.measurements.other, "step")) {
    skip_unknown_kinds(measured.measurements, {"step", "step_op"});
    return validate_step_file(measured.measurements, models.kernels, file, flags.profile, result);
  }
  if (has_kind(measured.measurements.other, "serve")) {
    skip_unknown_kinds(measured.measurements, {"serve"});
    return validate_serve_file(measured.measurements, file, flags.profile, result);
  }
  skip_unknown_kinds(measured.measurements, {});
  const calibration::Validation collectives =
      calibration::validate(models.fabric, measured.measurements);
  const calibration::KernelValidation kernels =
      calibration::validate_kernels(models.kernels, measured.kernels);
  if (!measured.kernels.files.empty())
    for (const std::string& name : kernels.profiles)
      if (name != models.kernel_profile)
        if (const auto shipped = calibration::shipped_kernel_profile(name))
          warn_if_fitted(name, shipped->files, measured.kernels.files, result.warnings);
  reports::ResultCase one;
  one.name = std::filesystem::path(file).filename().string();
  if (one.name.empty()) one.name = std::filesystem::path(file).parent_path().filename().string();
  one.parameters = {{"file", file}};
  one.engine = "model";
  one.outcome.facts = calibration::validation_facts(collectives, kernels);
  add_tables(collectives, kernels, one.outcome);
  for (const std::string& note : kernels.notes) one.outcome.warnings.push_back(note);
  if (collectives.rows.empty() && kernels.rows.empty()) {
    one.outcome.status = base::Status::infeasible;
    one.outcome.reason = "no row of this file can be predicted";
  }
  if (!collectives.rows.empty()) result.calibrations.push_back(models.fabric.name());
  for (const std::string& name : kernels.profiles) result.calibrations.push_back(name);
  one.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return one;
}

ExitCode show_held_out(const ValidateFlags& flags, Console& console) {
  std::vector<calibration::KernelProfile> profiles;
  if (!flags.profile.empty()) {
    profiles.push_back(calibration::load_kernel_profile(flags.profile));
  } else {
    for (const std::string& name : calibration::shipped_kernel_profiles())
      profiles.push_back(*calibration::shipped_kernel_profile(name));
  }
  const base::Table table = flags.output.verbose ? calibration::held_out_table(profiles)
                                                 : calibration::held_out_summary(profiles);
  console.data(render(table, flags.output.format()));
  return ExitCode::ok;
}

}  // namespace

ExitCode verb_validate(const Invocation& invocation) {
  const ValidateFlags flags = parse(invocation);
  Console console = flags.output.console();
  if (flags.held_out) return show_held_out(flags, console);
  Models models = models_of(flags);
  if (!flags.out.empty()) prepare_folder(flags.out);
  reports::Result result;
  result.tool_version = invocation.tool.version;
  result.tool_git = invocation.tool.git;
  for (const auto& [name, info] : calibration::validation_fact_info())
    result.fact_info[name] = info;
  for (const std::string& file : flags.files)
    result.cases.push_back(validate_file(models, file, flags, console, result));
  std::vector<std::string>& answered = result.calibrations;
  std::sort(answered.begin(), answered.end());
  answered.erase(std::unique(answered.begin(), answered.end()), answered.end());
  if (answered.empty()) answered.push_back(models.fabric.name());
  console.warnings(result.warnings);
  print_result(result, flags.output.format(), console);
  if (!flags.out.empty()) write_result(result, flags.out, console);
  for (const reports::ResultCase& one : result.cases) {
    if (one.outcome.status == base::Status::ok) return ExitCode::ok;
  }
  console.error(result.cases.front().outcome.reason);
  return ExitCode::not_met;
}

}  // namespace windtunnel::scenarios::cli

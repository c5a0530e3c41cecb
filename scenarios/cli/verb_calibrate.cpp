// `windtunnel calibrate`: measurements in, a fitted profile out.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "calibration/calibrate.hpp"
#include "calibration/parameter_table.hpp"
#include "reports/write_file.hpp"
#include "scenarios/cli/calibrate_kernels_output.hpp"
#include "scenarios/cli/files.hpp"
#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/measurement_flags.hpp"
#include "scenarios/cli/result_output.hpp"
#include "scenarios/cli/verb.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios::cli {

namespace {

struct CalibrateFlags {
  std::vector<std::string> files;
  std::string profile, update, date, out, source;
  MeasurementFlags measurements;
  OutputFlags output;
};

CalibrateFlags parse(const Invocation& invocation) {
  CalibrateFlags flags;
  MeasurementFlags& rows = flags.measurements;
  Arguments arguments(
      "calibrate",
      "Fit cost models to measurements; shows the errors on rows held out of the fit.");
  arguments.positional("FILE", flags.files, {.least = 1},
                       "measurement CSV, output of nccl-tests, published kernel tables (.csv, "
                       ".csv.gz), traces and JSON of profilers, or a folder of these");
  arguments.text("--fabric", rows.fabric, "NAME",
                 "names the profile, and the cluster where rows do not; filters nothing");
  arguments.text("--gpu", rows.gpu, "NAME",
                 "the same for a GPU; names the profile where there is no --fabric");
  arguments.text("--stack", rows.stack, "NAME", "the software, where rows do not say");
  arguments.text("--output,-o", flags.profile, "PROFILE.yaml",
                 "where the profile goes; of kernel rows its grids go beside it, and a folder gets "
                 "one profile for each GPU and stack");
  arguments.text("--update", flags.update, "OLD.yaml",
                 "refine this kernel profile with the new rows in place of fitting anew");
  arguments.text("--date", flags.date, "YYYY-MM-DD", "of the measurements (default: today)");
  arguments.text("--source", flags.source, "TEXT", "where the rows were published");
  arguments.text("--out", flags.out, "DIR",
                 "write result.json, result.csv, report.html and trace.json there");
  rows.add_to(arguments);
  flags.output.add_to(arguments);
  arguments.parse(invocation.arguments);
  if (rows.fabric.empty() && rows.gpu.empty() && flags.update.empty()) {
    throw UsageError("calibrate", "the profile needs a name: --gpu NAME or --fabric NAME");
  }
  if (flags.profile.empty()) throw UsageError("calibrate", "-o PROFILE.yaml is missing");
  return flags;
}

// Said before the fit, which takes a while: whether write_file can make or replace `path`. Throws
// EnvironmentError.
void check_writable(const std::string& path) {
  namespace fs = std::filesystem;
  const auto fail = [&](const std::string& what, int error) {
    throw base::EnvironmentError(
        fmt::format("cannot write {}: {}{}", path, what, std::strerror(error)));
  };
  std::error_code ignored;
  const fs::path target = fs::absolute(path, ignored);
  if (is_folder(path)) return prepare_folder(path);
  const bool exists = fs::exists(target, ignored);
  if (exists && ::access(target.c_str(), W_OK) != 0) fail("", errno);
  if (exists && !fs::is_regular_file(target, ignored)) return;
  fs::path folder = target.parent_path();  // missing folders are made: the nearest one counts
  while (!fs::exists(folder, ignored) && folder.has_relative_path()) folder = folder.parent_path();
  if (!fs::is_directory(folder, ignored)) fail(folder.string() + ": ", ENOTDIR);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail(folder.string() + ": ", errno);
}

std::string today() {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr)));
}

struct Gathered {
  std::vector<calibration::Measurements> files;  // collective rows
  calibration::KernelRows kernels;

  bool has_collectives() const {
    return std::any_of(files.begin(), files.end(),
                       [](const auto& file) { return !file.collectives.empty(); });
  }
};

Gathered gather(const CalibrateFlags& flags, const Console& console) {
  Gathered all;
  for (const std::string& file : flags.files) {
    calibration::MeasuredFile read = flags.measurements.read(file, console);
    read.measurements.diagnostics = {};  // said by now
    read.kernels.diagnostics = {};
    // The rows of a measurement CSV are of both halves, and so is its provenance.
    if (read.kernels.size() > 0)
      for (const calibration::MeasurementFile& one : read.measurements.files)
        read.kernels.files.push_back(one);
    all.files.push_back(std::move(read.measurements));
    all.kernels.append(std::move(read.kernels));
  }
  return all;
}

calibration::Calibration fit_fabric(Gathered& rows, const CalibrateFlags& flags,
                                    const ToolVersion& tool, const Console& console) {
  calibration::CalibrateOptions options;
  options.fabric = flags.measurements.fabric;
  options.gpu = flags.measurements.gpu;
  options.stack = flags.measurements.stack;
  options.date = flags.date.empty() ? today() : flags.date;
  options.tool_version = tool.version;
  if (rows.kernels.size() == 0 && !rows.files.empty())  // why none of those was usable
    for (calibration::SkippedRow& row : rows.kernels.skipped)
      rows.files.front().skipped.push_back(std::move(row));
  calibration::Calibration made = calibration::calibrate(std::move(rows.files), options);
  if (!made.profile) throw base::InputError(made.diagnostics);
  console.diagnostics(made.diagnostics);
  return made;
}

// The fitted parameters, and the residuals of the rows held out.
reports::ResultCase fabric_case(const calibration::Calibration& made, const std::string& path) {
  reports::ResultCase one;
  one.name = fmt::format("{}: rows held out of the fit", made.profile->name);
  one.parameters = {{"profile", path}};
  one.engine = "model";
  one.outcome.facts = made.held_out.facts();
  one.outcome.facts["rows_fitted"] = made.profile->provenance.rows_used;
  one.outcome.tables["parameters"] = calibration::parameters_table(*made.profile);
  one.outcome.tables["residuals"] = made.held_out.rows_table();
  one.outcome.tables["groups"] = made.held_out.groups_table();
  if (!made.held_out.skipped.empty()) one.outcome.tables["skipped"] = made.held_out.skipped_table();
  return one;
}

reports::Result empty_result(const ToolVersion& tool) {
  reports::Result result;
  result.tool_version = tool.version;
  result.tool_git = tool.git;
  for (const auto& [name, info] : calibration::validation_fact_info())
    result.fact_info[name] = info;
  result.fact_info["rows_fitted"] = {"rows fitted", "", "rows that the parameters were fitted to"};
  result.fact_info["rows_held_out"] = {"rows held out", "",
                                       "rows that were predicted by fits without them"};
  result.fact_info["components"] = {"components", "", "kernel families in number formats"};
  result.fact_info["held_out_median_abs_error"] = {
      "median error held out", "", "median of |predicted / measured - 1|, mean over components"};
  return result;
}

// Beside kernels of the same files: "my.yaml" -> "my.fabric.yaml"; in a folder: under its name.
std::string fabric_path(const CalibrateFlags& flags, const Gathered& rows) {
  const MeasurementFlags& given = flags.measurements;
  if (is_folder(flags.profile)) {
    const std::string name = given.fabric.empty() ? given.gpu + "-fabric" : given.fabric;
    return (std::filesystem::path(flags.profile) / (name + ".yaml")).string();
  }
  if (rows.kernels.size() == 0) return flags.profile;
  return std::filesystem::path(flags.profile).replace_extension(".fabric.yaml").string();
}

void calibrate_kernel_rows(const Gathered& rows, const CalibrateFlags& flags,
                           const ToolVersion& tool, const Console& console,
                           reports::Result& result) {
  const KernelTarget target{flags.profile, flags.update};
  calibration::KernelCalibrateOptions options;
  options.date = flags.date.empty() ? today() : flags.date;
  options.tool_version = tool.version;
  options.source = flags.source;
  if (!is_folder(flags.profile) && flags.measurements.stack.empty())
    options.name = flags.measurements.gpu;
  const calibration::KernelCalibration made = fit_kernels(rows.kernels, target, options);
  console.diagnostics(made.diagnostics);
  const std::vector<std::string> paths = write_kernel_profiles(made.profiles, target);
  const calibration::KernelRows none;
  for (reports::ResultCase& one :
       kernel_cases(made.profiles, paths, flags.out.empty() ? none : rows.kernels))
    result.cases.push_back(std::move(one));
  for (std::size_t i = 0; i < paths.size(); ++i) {
    result.calibrations.push_back(made.profiles[i].name);
    console.note(fmt::format("wrote {} and its grids: {} components", paths[i],
                             made.profiles[i].components.size()));
  }
  if (!rows.kernels.skipped.empty())
    console.note(fmt::format("{} kernel rows left out; `validate` lists them with their reasons",
                             rows.kernels.skipped.size()));
}

void calibrate_collective_rows(Gathered& rows, const CalibrateFlags& flags, const ToolVersion& tool,
                               const Console& console, reports::Result& result) {
  const std::string path = fabric_path(flags, rows);
  const calibration::Calibration made = fit_fabric(rows, flags, tool, console);
  reports::write_file(path, calibration::to_yaml(*made.profile));
  result.calibrations.push_back(made.profile->name);
  result.cases.push_back(fabric_case(made, path));
  if (made.held_out.rows.empty())
    result.warnings.push_back("too few rows to hold some out: the profile's error is not known");
  console.note(fmt::format("wrote {}: {} rows fitted, {} skipped", path,
                           made.profile->provenance.rows_used,
                           made.profile->provenance.rows_skipped));
}

}  // namespace

ExitCode verb_calibrate(const Invocation& invocation) {
  const CalibrateFlags flags = parse(invocation);
  Console console = flags.output.console();
  check_writable(flags.profile);
  if (!flags.out.empty()) prepare_folder(flags.out);
  Gathered rows = gather(flags, console);
  reports::Result result = empty_result(invocation.tool);
  if (rows.kernels.size() > 0) calibrate_kernel_rows(rows, flags, invocation.tool, console, result);
  if (rows.kernels.size() == 0 || rows.has_collectives())
    calibrate_collective_rows(rows, flags, invocation.tool, console, result);
  console.warnings(result.warnings);
  print_result(result, flags.output.format(), console);
  if (!flags.out.empty()) write_result(result, flags.out, console);
  return ExitCode::ok;
}

}  // namespace windtunnel::scenarios::cli

// `windtunnel calibrate`: measurements in, a fitted profile out.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "calibration/calibrate.hpp"
#include "calibration/parameter_table.hpp"
#include "reports/write_file.hpp"
#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/measurement_flags.hpp"
#include "scenarios/cli/result_output.hpp"
#include "scenarios/cli/verb.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios::cli {

namespace {

struct CalibrateFlags {
  std::vector<std::string> files;
  std::string profile;
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
                       "measurement CSV, or output of nccl-tests (text or JSON)");
  arguments.text("--fabric", rows.fabric, "NAME",
                 "names the profile, and the cluster where rows do not; filters nothing");
  arguments.text("--gpu", rows.gpu, "NAME",
                 "the same for a GPU; names the profile where there is no --fabric");
  arguments.text("--stack", rows.stack, "NAME", "the software, where rows do not say");
  arguments.text("--output,-o", flags.profile, "PROFILE.yaml", "where the profile goes");
  rows.add_to(arguments);
  flags.output.add_to(arguments);
  arguments.parse(invocation.arguments);
  if (rows.fabric.empty() && rows.gpu.empty()) {
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
  if (fs::is_directory(target, ignored)) fail("", EISDIR);
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

calibration::Calibration fit(const CalibrateFlags& flags, const ToolVersion& tool,
                             const Console& console) {
  std::vector<calibration::Measurements> files;
  for (const std::string& file : flags.files) {
    files.push_back(flags.measurements.read(file, console));
    files.back().diagnostics = {};  // said by now
  }
  calibration::CalibrateOptions options;
  options.fabric = flags.measurements.fabric;
  options.gpu = flags.measurements.gpu;
  options.stack = flags.measurements.stack;
  options.date = today();
  options.tool_version = tool.version;
  calibration::Calibration made = calibration::calibrate(std::move(files), options);
  if (!made.profile) throw base::InputError(made.diagnostics);
  console.diagnostics(made.diagnostics);
  return made;
}

// The fitted parameters, and the residuals of the rows held out.
reports::Result held_out_result(const calibration::Calibration& made, const CalibrateFlags& flags,
                                const ToolVersion& tool) {
  reports::Result result;
  result.tool_version = tool.version;
  result.tool_git = tool.git;
  result.calibrations = {made.profile->name};
  for (const auto& [name, info] : calibration::validation_fact_info())
    result.fact_info[name] = info;
  result.fact_info["rows_fitted"] = {"rows fitted", "", "rows that the parameters were fitted to"};
  reports::ResultCase one;
  one.name = fmt::format("{}: rows held out of the fit", made.profile->name);
  one.parameters = {{"profile", flags.profile}};
  one.engine = "model";
  one.outcome.facts = made.held_out.facts();
  one.outcome.facts["rows_fitted"] = made.profile->provenance.rows_used;
  one.outcome.tables["parameters"] = calibration::parameters_table(*made.profile);
  one.outcome.tables["residuals"] = made.held_out.rows_table();
  one.outcome.tables["groups"] = made.held_out.groups_table();
  if (!made.held_out.skipped.empty()) one.outcome.tables["skipped"] = made.held_out.skipped_table();
  if (made.held_out.rows.empty()) {
    result.warnings.push_back("too few rows to hold some out: the profile's error is not known");
  }
  result.cases.push_back(std::move(one));
  return result;
}

}  // namespace

ExitCode verb_calibrate(const Invocation& invocation) {
  const CalibrateFlags flags = parse(invocation);
  Console console = flags.output.console();
  check_writable(flags.profile);
  const calibration::Calibration made = fit(flags, invocation.tool, console);
  reports::write_file(flags.profile, calibration::to_yaml(*made.profile));
  const reports::Result result = held_out_result(made, flags, invocation.tool);
  for (const std::string& warning : result.warnings) console.warning(warning);
  print_result(result, flags.output.format(), console);
  console.note(fmt::format("wrote {}: {} rows fitted, {} skipped", flags.profile,
                           made.profile->provenance.rows_used,
                           made.profile->provenance.rows_skipped));
  return ExitCode::ok;
}

}  // namespace windtunnel::scenarios::cli

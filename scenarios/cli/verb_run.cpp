// `windtunnel run`: load, check, expand, simulate, print, write.
#include <fmt/format.h>

#include "scenarios/cli/files.hpp"
#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/result_output.hpp"
#include "scenarios/cli/scenario_files.hpp"
#include "scenarios/cli/verb.hpp"
#include "scenarios/measured_points.hpp"
#include "scenarios/study.hpp"
#include "sim/base/interrupt.hpp"

namespace windtunnel::scenarios::cli {

namespace {

struct RunFlags {
  std::vector<std::string> files;
  std::string out;
  std::vector<std::string> measured;
  ScenarioFlags scenario;
  WorkFlags work;
  OutputFlags output;
};

RunFlags parse(const Invocation& invocation) {
  RunFlags flags;
  Arguments arguments("run", "Simulate every case of the scenarios and print what came out.");
  arguments.positional("SCENARIO.yaml", flags.files, {.least = 1}, "scenario files; - is stdin");
  flags.scenario.add_to(arguments);
  flags.work.add_to(arguments);
  flags.output.add_to(arguments);
  arguments.text("--out,-o", flags.out, "DIR",
                 "write result.json, result.csv, report.html and trace.json there");
  arguments.list("--measured", flags.measured, "FILE",
                 "nccl-tests log or measurement CSV to draw beside the prediction; repeatable");
  arguments.parse(invocation.arguments);
  return flags;
}

Study simulate(const std::vector<LoadedScenario>& scenarios, const RunFlags& flags,
               const ToolVersion& tool, const Console& console) {
  const base::InterruptGuard guard;
  Progress progress(flags.work.progress(console));
  return run_study(scenarios, {.jobs = flags.work.jobs(),
                               .tool_version = tool.version,
                               .tool_git = tool.git,
                               .stop_requested = base::InterruptGuard::requested,
                               .on_progress = [&progress](std::int64_t done, std::int64_t total) {
                                 progress.update(done, total);
                               }});
}

// What becomes the exit code is also said in words.
ExitCode verdict(const Study& study, const Console& console) {
  const reports::Result& result = study.result;
  if (study.interrupted) {
    console.error(fmt::format("interrupted; {} of {} cases finished and are kept",
                              result.cases.size(), study.planned_cases));
    return ExitCode::interrupted;
  }
  std::size_t infeasible = 0;
  for (const reports::ResultCase& one : result.cases) {
    const bool failed = one.outcome.status == base::Status::failed;
    if (failed) console.error(fmt::format("{}: failed: {}", one.name, one.outcome.reason));
    if (one.outcome.status == base::Status::infeasible) ++infeasible;
  }
  if (study.failure == FailureCause::bug) return ExitCode::bug;
  if (study.failure == FailureCause::environment) return ExitCode::environment;
  if (study.failed_expectations > 0) {
    console.error(fmt::format("{} of {} expectations failed", study.failed_expectations,
                              result.tables.at("expectations").rows.size()));
    return ExitCode::not_met;
  }
  if (infeasible > 0 && infeasible == result.cases.size()) {
    console.error(infeasible == 1 ? fmt::format("the case is infeasible: {}",
                                                result.cases.front().outcome.reason)
                                  : fmt::format("all {} cases are infeasible", infeasible));
    return ExitCode::not_met;
  }
  return ExitCode::ok;
}

}  // namespace

ExitCode verb_run(const Invocation& invocation) {
  const RunFlags flags = parse(invocation);
  Console console = flags.output.console();
  const std::vector<LoadedScenario> scenarios =
      load_all(flags.files, flags.scenario.load_options(), console);
  if (!flags.out.empty()) prepare_folder(flags.out);
  Study study = simulate(scenarios, flags, invocation.tool, console);
  add_measured_points(flags.measured, scenarios, study.result);
  console.warnings(study.result.warnings);
  print_result(study.result, flags.output.format(), console);
  if (!flags.out.empty()) write_result(study.result, flags.out, console);
  return verdict(study, console);
}

}  // namespace windtunnel::scenarios::cli

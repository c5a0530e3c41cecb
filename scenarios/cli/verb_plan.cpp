// `windtunnel plan`: search, rank, say why the rest was ruled out.
#include <fmt/format.h>

#include "scenarios/cli/files.hpp"
#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/result_output.hpp"
#include "scenarios/cli/scenario_files.hpp"
#include "scenarios/cli/verb.hpp"
#include "scenarios/search/plan.hpp"
#include "sim/base/interrupt.hpp"

namespace windtunnel::scenarios::cli {

namespace {

struct PlanFlags {
  std::vector<std::string> files;
  std::string out;
  ScenarioFlags scenario;
  WorkFlags work;
  OutputFlags output;
};

PlanFlags parse(const Invocation& invocation) {
  PlanFlags flags;
  Arguments arguments(
      "plan",
      "Search what the scenario's `search` varies: the best, the front, and why the "
      "rest was ruled out.");
  arguments.positional("SCENARIO.yaml", flags.files, {.least = 1, .most = 1},
                       "a scenario file; - is stdin");
  flags.scenario.add_to(arguments);
  flags.work.add_to(arguments);
  flags.output.add_to(arguments);
  arguments.text("--out,-o", flags.out, "DIR",
                 "write result.json, result.csv, report.html and trace.json there");
  arguments.parse(invocation.arguments);
  return flags;
}

void say_speed(const Study& study, const Console& console) {
  const auto& facts = study.result.plan->facts;
  console.note(fmt::format("{:.0f} candidates costed in {:.3g} s: {:.0f} evaluations/s",
                           facts.at("evaluated"), facts.at("wall_s"),
                           facts.at("evaluations_per_s")));
}

ExitCode verdict(const Study& study, const Console& console) {
  const auto& facts = study.result.plan->facts;
  const auto count = [&](const char* name) {
    const auto found = facts.find(name);
    return found == facts.end() ? 0.0 : found->second;
  };
  if (study.interrupted) {
    console.error(fmt::format("interrupted; {:.0f} of {:.0f} candidates finished and are ranked",
                              count("candidates") - count("unfinished"), count("candidates")));
    return ExitCode::interrupted;
  }
  if (study.failure == FailureCause::bug) return ExitCode::bug;
  if (study.failure == FailureCause::environment) return ExitCode::environment;
  const bool any =
      !study.result.cases.empty() && study.result.cases.front().outcome.status == base::Status::ok;
  if (any) return ExitCode::ok;
  if (!study.result.cases.empty()) {
    console.error(study.result.cases.front().outcome.reason);
  } else {
    console.error(fmt::format(
        "none of {:.0f} candidates is left: {:.0f} are infeasible, {:.0f} break a constraint",
        count("candidates"), count("infeasible"), count("ruled_out") + count("pruned")));
  }
  return ExitCode::not_met;
}

}  // namespace

ExitCode verb_plan(const Invocation& invocation) {
  const PlanFlags flags = parse(invocation);
  Console console = flags.output.console();
  const std::vector<LoadedScenario> scenarios =
      load_all(flags.files, flags.scenario.load_options(), console);
  if (!flags.out.empty()) prepare_folder(flags.out);
  Study study;
  {
    const base::InterruptGuard guard;
    Progress progress(flags.work.progress(console));
    study = run_plan(scenarios.front(), {.jobs = flags.work.jobs(),
                                         .tool_version = invocation.tool.version,
                                         .tool_git = invocation.tool.git,
                                         .stop_requested = base::InterruptGuard::requested,
                                         .on_progress = [&](std::int64_t done, std::int64_t total) {
                                           progress.update(done, total);
                                         }});
  }
  console.warnings(study.result.warnings);
  say_speed(study, console);
  print_result(study.result, flags.output.format(), console);
  if (!flags.out.empty()) write_result(study.result, flags.out, console);
  return verdict(study, console);
}

}  // namespace windtunnel::scenarios::cli

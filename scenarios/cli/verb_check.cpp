// `windtunnel check`: everything up to the simulation.
#include <fmt/format.h>

#include "reports/write_file.hpp"
#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/scenario_files.hpp"
#include "scenarios/cli/verb.hpp"
#include "scenarios/feasibility.hpp"
#include "scenarios/study.hpp"
#include "sim/platform/network.hpp"
#include "sim/platform/simgrid_platform.hpp"

namespace windtunnel::scenarios::cli {

namespace {

// Points of a sweep that `run` would find infeasible at once, with the reason of the first.
struct CannotRun {
  std::int64_t points = 0;
  std::string reason;
};

CannotRun infeasible_points(const LoadedScenario& scenario) {
  ModelSource models;
  CannotRun out;
  for (const SweepPoint& point : scenario.points) {
    auto why = cannot_run(point.scenario, models);
    if (!why) continue;
    if (++out.points == 1) out.reason = *std::move(why);
  }
  return out;
}

std::string verdict(const LoadedScenario& scenario, const CannotRun& found) {
  if (found.points == 0 || scenario.search != nullptr) return "ok";
  if (found.points == std::ssize(scenario.points)) return "infeasible";
  return fmt::format("ok, {} infeasible", found.points);
}

// A scenario whose cases cannot run is a valid file all the same: what `run` would say is a warning.
void warn(const LoadedScenario& scenario, const CannotRun& found, const Console& console) {
  if (verdict(scenario, found) == "ok") return;
  const std::size_t points = scenario.points.size();
  console.warning(points == 1
                      ? fmt::format("{}: valid, but infeasible: {}", scenario.path, found.reason)
                      : fmt::format("{}: valid, but {} of {} cases are infeasible, the "
                                    "first because {}",
                                    scenario.path, found.points, points, found.reason));
}

base::Table summary(const std::vector<LoadedScenario>& scenarios, const Console& console) {
  base::Table table{
      .columns = {"file", "scenario", "cluster", "gpus", "sweep_points", "cases", "verdict"},
      .rows = {}};
  for (const LoadedScenario& one : scenarios) {
    const CannotRun found = infeasible_points(one);
    warn(one, found, console);
    const sim::ValidCluster& cluster = one.points.front().scenario.cluster;
    table.rows.push_back(
        {one.path, one.name, cluster->name, static_cast<std::int64_t>(cluster->gpu_count()),
         static_cast<std::int64_t>(one.points.size()), count_cases(one), verdict(one, found)});
  }
  return table;
}

// A document a file.
std::string resolved_documents(const std::vector<LoadedScenario>& scenarios) {
  std::string text;
  for (const LoadedScenario& one : scenarios) {
    if (scenarios.size() > 1) text += fmt::format("---\n# {}\n", one.path);
    text += one.resolved_yaml;
  }
  return text;
}

void export_platform(const std::vector<LoadedScenario>& scenarios, const std::string& file,
                     const Console& console) {
  if (scenarios.size() != 1) {
    throw UsageError("check", "--export-simgrid takes one scenario at a time");
  }
  const LoadedScenario& one = scenarios.front();
  const sim::Network network(one.points.front().scenario.cluster);
  base::Diagnostics diagnostics;
  const auto text = sim::write_simgrid_platform(network, {}, diagnostics);
  if (!text) throw base::InputError(diagnostics);
  reports::write_file(file, *text);
  console.note(fmt::format("wrote {}: {} hosts{}", file, network.gpu_count(),
                           one.points.size() > 1 ? ", of the first sweep point" : ""));
}

}  // namespace

ExitCode verb_check(const Invocation& invocation) {
  std::vector<std::string> files;
  std::string platform;
  bool print = false;
  ScenarioFlags scenario;
  OutputFlags output;
  Arguments arguments("check", "Check scenarios without running them: all errors at once.");
  arguments.positional("SCENARIO.yaml", files, {.least = 1}, "scenario files; - is stdin");
  arguments.flag("--print", print, "print the resolved scenario, every default filled in");
  arguments.text("--export-simgrid", platform, "FILE.xml",
                 "write the cluster as a SimGrid platform file");
  scenario.add_to(arguments);
  output.add_to(arguments);
  arguments.parse(invocation.arguments);
  Console console = output.console();
  const std::vector<LoadedScenario> loaded = load_all(files, scenario.load_options(), console);
  if (!platform.empty()) export_platform(loaded, platform, console);
  console.data(print ? resolved_documents(loaded)
                     : render(summary(loaded, console), output.format()));
  return ExitCode::ok;
}

}  // namespace windtunnel::scenarios::cli

#include "scenarios/cli/flags.hpp"

#include <sched.h>

#include "scenarios/scenario.hpp"
#include "sim/base/contract.hpp"
#include "sim/engine/engine.hpp"

namespace windtunnel::scenarios::cli {

void OutputFlags::add_to(Arguments& arguments) {
  arguments.choice("--format", format_word, format_names(), "how data is printed on stdout");
  arguments.flag("--quiet,-q", quiet, "nothing on stderr but errors");
  arguments.flag("--verbose,-v", verbose, "every warning in full; --quiet wins");
  arguments.choice("--color", color_word, {"auto", "always", "never"},
                   "auto: on a terminal, unless NO_COLOR is set");
}

Console OutputFlags::console() const {
  const ColorMode color = color_word == "always"  ? ColorMode::always
                          : color_word == "never" ? ColorMode::never
                                                  : ColorMode::automatic;
  return Console({.color = color,
                  .verbosity = quiet     ? Verbosity::quiet
                               : verbose ? Verbosity::verbose
                                         : Verbosity::normal});
}

void ScenarioFlags::add_to(Arguments& arguments) {
  arguments.choice("--engine", engine_word, {"auto", "analytic", "simgrid"},
                   "what simulates; overrides engine.kind");
  arguments.list("--set", sets, "PATH=VALUE",
                 "set a field of the scenario, as in --set cluster.nodes=16; repeatable");
  arguments.count("--seed", seed, {}, "seed of all random streams; overrides engine.seed");
}

LoadOptions ScenarioFlags::load_options() const {
  LoadOptions options{.sets = sets, .seed = seed, .engine = {}};
  if (!engine_word.empty()) options.engine = sim::engine_from_text(engine_word);
  return options;
}

void WorkFlags::add_to(Arguments& arguments) {
  arguments.count("--jobs,-j", jobs_given, {.least = 1, .most = 1024},
                  "cases simulated at the same time (default: one a processor)");
  arguments.flag("--no-progress", no_progress, "no progress line on the terminal");
}

int WorkFlags::jobs() const {
  if (jobs_given) return static_cast<int>(*jobs_given);
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (sched_getaffinity(0, sizeof usable, &usable) != 0) return 1;
  return std::max(1, CPU_COUNT(&usable));
}

ProgressMode WorkFlags::progress(const Console& console) const {
  return no_progress || console.quiet() ? ProgressMode::hidden : ProgressMode::shown;
}

}  // namespace windtunnel::scenarios::cli

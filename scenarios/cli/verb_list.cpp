// `windtunnel list`: what can be named in a scenario.
#include <fmt/format.h>

#include <algorithm>

#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/verb.hpp"
#include "scenarios/library.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios::cli {

namespace {

// Kinds whose workloads later issues build.
const std::vector<std::pair<std::string, std::string>> kUnbuilt{
    {"models", "train and serve workloads"},
    {"schedules", "the train workload"},
    {"policies", "the serve workload"},
};

base::Table table_of_kinds() {
  base::Table table{.columns = {"kind", "count"}, .rows = {}};
  for (const std::string& kind : library_kinds()) {
    table.rows.push_back({kind, static_cast<std::int64_t>(library_names(kind).size())});
  }
  return table;
}

base::Table table_of(const std::string& kind) {
  base::Table table{.columns = {"name", "description"}, .rows = {}};
  for (const std::string& name : library_names(kind)) {
    table.rows.push_back({name, library_description(kind, name)});
  }
  return table;
}

void check_kind(const std::string& kind) {
  std::vector<std::string> known = library_kinds();
  if (std::find(known.begin(), known.end(), kind) != known.end()) return;
  for (const auto& [unbuilt, workload] : kUnbuilt) {
    if (kind == unbuilt) {
      throw base::EnvironmentError(
          fmt::format("there are no {} to list: {} not built yet", kind,
                      workload + (workload.ends_with('s') ? " are" : " is")));
    }
    known.push_back(unbuilt);
  }
  throw UsageError("list", unknown_word(kind, "a kind", known));
}

}  // namespace

ExitCode verb_list(const Invocation& invocation) {
  std::vector<std::string> kinds;
  OutputFlags output;
  Arguments arguments("list", "What can be named in a scenario; without a KIND, the kinds.");
  arguments.positional("KIND", kinds, {.least = 0, .most = 1},
                       "clusters, gpus, algorithms, profiles, scenarios");
  output.add_to(arguments);
  arguments.parse(invocation.arguments);
  Console console = output.console();
  if (!kinds.empty()) check_kind(kinds.front());
  const base::Table table = kinds.empty() ? table_of_kinds() : table_of(kinds.front());
  console.data(render(table, output.format()));
  return ExitCode::ok;
}

}  // namespace windtunnel::scenarios::cli

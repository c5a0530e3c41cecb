// `windtunnel list`: what can be named in a scenario.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "models/networks/library.hpp"
#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/models_tables.hpp"
#include "scenarios/cli/verb.hpp"
#include "scenarios/document/parse.hpp"
#include "scenarios/library.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios::cli {

namespace {

// Kinds whose workloads later issues build.
const std::vector<std::pair<std::string, std::string>> kUnbuilt{
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

// What an entry says of itself at a path of its file, as it is written there.
struct Detail {
  std::string column;
  std::vector<std::string> path;
};

const std::map<std::string, std::vector<Detail>>& details() {
  static const std::map<std::string, std::vector<Detail>> kDetails{
      {"gpus",
       {{"architecture", {"architecture"}},
        {"memory", {"memory"}},
        {"memory_bandwidth", {"memory_bandwidth"}},
        {"bf16", {"peak", "bf16"}},
        {"nvlink", {"nvlink_bandwidth"}}}},
      {"profiles", {{"gpu", {"gpu"}}, {"stack", {"stack"}}, {"date", {"date"}}}},
      {"clusters",
       {{"gpus_per_node", {"node", "gpus"}},
        {"gpu", {"node", "gpu"}},
        {"scale_up", {"node", "scale_up", "kind"}},
        {"nics", {"node", "nics", "count"}},
        {"fabric", {"fabric", "kind"}}}}};
  return kDetails;
}

base::Cell value_at(const Node& root, const std::vector<std::string>& path) {
  const Node* node = &root;
  for (const std::string& key : path) {
    node = node->find(key);
    if (node == nullptr) return {};
  }
  for (const char* key : {"name", "use"}) {
    if (const Node* named = node->find(key)) node = named;
  }
  if (node->kind != NodeKind::scalar) return {};
  return node->text;
}

base::Table table_of(const std::string& kind) {
  if (kind == "models") return table_of_models();
  base::Table table{.columns = {"name"}, .rows = {}};
  const auto found = details().find(kind);
  const std::vector<Detail> columns =
      found == details().end() ? std::vector<Detail>{} : found->second;
  for (const Detail& detail : columns) table.columns.push_back(detail.column);
  table.columns.emplace_back("description");
  for (const std::string& name : library_names(kind)) {
    std::vector<base::Cell> row{name};
    if (!columns.empty()) {
      base::Diagnostics ignored;  // the library's own texts, which its tests check
      const auto root = parse_yaml(library_head(kind, name), library_path(kind, name), ignored);
      for (const Detail& detail : columns) {
        row.push_back(root ? value_at(*root, detail.path) : base::Cell{});
      }
    }
    row.emplace_back(library_description(kind, name));
    table.rows.push_back(std::move(row));
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

// `list models NAME`: its ops.
std::string checked_model(const std::vector<std::string>& words) {
  if (words.front() != "models") {
    throw UsageError(
        "list", fmt::format("'{}' is too much: only `list models` takes a NAME", words.back()));
  }
  const auto name = models::canonical_model_name(words.back());
  if (name) return *name;
  throw UsageError("list", unknown_word(words.back(), "a model", models::model_names()));
}

}  // namespace

ExitCode verb_list(const Invocation& invocation) {
  std::vector<std::string> words;
  OutputFlags output;
  Arguments arguments("list", "What can be named in a scenario; without a KIND, the kinds.");
  arguments.positional("KIND", words, {.least = 0, .most = 2},
                       "clusters, gpus, models, algorithms, profiles, scenarios; `models NAME` "
                       "shows its ops");
  output.add_to(arguments);
  arguments.parse(invocation.arguments);
  Console console = output.console();
  if (!words.empty()) check_kind(words.front());
  if (words.size() == 2) {
    const std::string name = checked_model(words);
    console.note(terms_of_model(name));
    console.data(render(table_of_model(name), output.format()));
    return ExitCode::ok;
  }
  const base::Table table = words.empty() ? table_of_kinds() : table_of(words.front());
  console.data(render(table, output.format()));
  return ExitCode::ok;
}

}  // namespace windtunnel::scenarios::cli

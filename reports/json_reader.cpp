#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "reports/json.hpp"
#include "reports/json_walk.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::reports {
namespace {

using Json = JsonWalk::Json;
using Inside = JsonWalk::Inside;
constexpr double kNotFinite = std::numeric_limits<double>::quiet_NaN();

// Calls `each(index, element)` inside each element of the list under `key`, which must be an
// object.
template <class Each>
void for_each_object(JsonWalk& walk, const Json& parent, const std::string& key, Each each) {
  const Json* list = walk.list(parent, key);
  if (list == nullptr) return;
  const Inside inside(walk, key);
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Inside at(walk, i);
    if ((*list)[i].is_object()) {
      each((*list)[i]);
    } else {
      walk.fail_type("an object", (*list)[i]);
    }
  }
}

// Calls `each(name, value)` inside each member of the object under `key`.
template <class Each>
void for_each_member(JsonWalk& walk, const Json& parent, const std::string& key, Each each) {
  const Json* object = walk.object(parent, key);
  if (object == nullptr) return;
  const Inside inside(walk, key);
  for (const auto& [name, value] : object->items()) {
    const Inside at(walk, name);
    each(name, value);
  }
}

template <class Each>
void for_each_object_member(JsonWalk& walk, const Json& parent, const std::string& key, Each each) {
  for_each_member(walk, parent, key, [&](const std::string& name, const Json& value) {
    if (value.is_object()) {
      each(name, value);
    } else {
      walk.fail_type("an object", value);
    }
  });
}

class ResultReader {
 public:
  ResultReader(std::string_view text, const std::string& file) : walk_(text, file) {}

  Result read() {
    const Json root = walk_.parse();
    if (!root.is_object()) walk_.fail_type("an object", root);
    walk_.stop_on_errors();
    check_schema(root);
    Result result;
    if (const Json* tool = walk_.object(root, "tool")) {
      const Inside inside(walk_, "tool");
      result.tool_version = walk_.word(*tool, "version");
      result.tool_git = walk_.word(*tool, "git");
    }
    read_scenarios(root, result);
    result.seed = walk_.unsigned_count(root, "seed", 1);
    result.calibrations = walk_.words(root, "calibrations");
    if (JsonWalk::find(root, "cases") == nullptr) walk_.fail("the key 'cases' is missing");
    for_each_object(walk_, root, "cases",
                    [&](const Json& json) { result.cases.push_back(read_case(json)); });
    read_plan(root, result);
    read_tables(root, result.tables, "the result");
    for_each_object_member(
        walk_, root, "fact_info", [&](const std::string& fact, const Json& info) {
          result.fact_info[fact] = {walk_.word(info, "name"), walk_.word(info, "unit"),
                                    walk_.word(info, "description")};
        });
    result.warnings = walk_.words(root, "warnings");
    for (const std::string& note : left_out_) {
      const bool said =
          std::find(result.warnings.begin(), result.warnings.end(), note) != result.warnings.end();
      if (!said) result.warnings.push_back(note);
    }
    walk_.stop_on_errors();
    return result;
  }

 private:
  void check_schema(const Json& root) {
    const Json* found = JsonWalk::find(root, "schema");
    if (found == nullptr) {
      walk_.fail(
          fmt::format("this is no result: the key 'schema' with \"{}\" is missing", kResultSchema));
    } else if (!found->is_string() || found->get<std::string>() != kResultSchema) {
      const Inside inside(walk_, "schema");
      walk_.fail(fmt::format("this program reads \"{}\", not {}", kResultSchema, found->dump()));
    }
    walk_.stop_on_errors();
  }

  void read_scenarios(const Json& root, Result& result) {
    const auto read = [&](const Json& json) {
      return ScenarioRecord{walk_.word(json, "name"), walk_.word(json, "path"),
                            walk_.word(json, "sha256")};
    };
    for_each_object(walk_, root, "scenarios",
                    [&](const Json& json) { result.scenarios.push_back(read(json)); });
    const Json* one = walk_.object(root, "scenario");
    if (one == nullptr || !result.scenarios.empty()) return;
    const Inside inside(walk_, "scenario");
    const ScenarioRecord scenario = read(*one);
    // A result without a scenario file (validate) has an empty one.
    const bool empty = scenario.name.empty() && scenario.path.empty() && scenario.sha256.empty();
    if (!empty) result.scenarios.push_back(scenario);
  }

  void read_plan(const Json& root, Result& result) {
    const Json* json = walk_.object(root, "plan");
    if (json == nullptr) return;
    const Inside inside(walk_, "plan");
    PlanRecord& plan = result.plan.emplace();
    for_each_member(walk_, *json, "facts", [&](const std::string& name, const Json& value) {
      if (value.is_string()) {
        plan.words[name] = value.get<std::string>();
      } else {
        plan.facts[name] = walk_.number(value);
      }
    });
    plan.varied = walk_.words(*json, "varied");
    plan.goals = walk_.words(*json, "goals");
    read_tables(*json, plan.tables, "the plan");
  }

  ResultCase read_case(const Json& json) {
    ResultCase one;
    one.name = walk_.word(json, "name");
    one.scenario = walk_.word(json, "scenario");
    for_each_member(walk_, json, "parameters", [&](const std::string& path, const Json& value) {
      one.parameters.emplace_back(path, walk_.cell(value));
    });
    one.engine = walk_.word(json, "engine");
    one.outcome.status = status(json);
    one.outcome.reason = walk_.word(json, "reason");
    read_facts(json, one.outcome);
    read_tables(json, one.outcome.tables, fmt::format("case '{}'", one.name));
    one.outcome.warnings = walk_.words(json, "warnings");
    one.wall_s = walk_.number(json, "wall_s", 0.0);
    one.outcome.events = walk_.count(json, "events");
    return one;
  }

  base::Status status(const Json& json) {
    const Json* found = JsonWalk::find(json, "status");
    const std::string text = walk_.word(json, "status");
    for (const base::Status status :
         {base::Status::ok, base::Status::infeasible, base::Status::failed}) {
      if (text == base::to_text(status)) return status;
    }
    const Inside inside(walk_, "status");
    if (found == nullptr || found->is_string())
      walk_.fail("expected \"ok\", \"infeasible\" or \"failed\"");
    return base::Status::failed;
  }

  // Numbers, words, bands and grounds.
  void read_facts(const Json& json, base::Outcome& outcome) {
    for_each_member(walk_, json, "facts", [&](const std::string& name, const Json& value) {
      if (value.is_string()) {
        outcome.labels[name] = value.get<std::string>();
      } else {
        outcome.facts[name] = walk_.number(value);
      }
    });
    for_each_object_member(walk_, json, "bands", [&](const std::string& name, const Json& band) {
      outcome.bands[name] = {walk_.number(band, "low", kNotFinite),
                             walk_.number(band, "high", kNotFinite),
                             walk_.number(band, "level", base::Band{}.level)};
    });
    const Json* grounds = walk_.object(json, "rests_on");
    if (grounds == nullptr) return;
    const Inside inside(walk_, "rests_on");
    for (const auto& [fact, unused] : grounds->items())
      outcome.rests_on[fact] = walk_.words(*grounds, fact);
  }

  void read_tables(const Json& json, std::map<std::string, base::Table>& tables,
                   const std::string& where) {
    for_each_object_member(walk_, json, "tables", [&](const std::string& name, const Json& table) {
      tables[name] = read_table(table, fmt::format("{}: table '{}'", where, name));
    });
  }

  base::Table read_table(const Json& json, const std::string& where) {
    base::Table table{walk_.words(json, "columns"), {}};
    if (JsonWalk::find(json, "rows") == nullptr) {
      left_out_.push_back(fmt::format("{} is not in this file ({} rows); --out saves it in full",
                                      where, walk_.count(json, "row_count")));
    }
    const Json* rows = walk_.list(json, "rows");
    if (rows == nullptr) return table;
    const Inside inside(walk_, "rows");
    for (std::size_t i = 0; i < rows->size(); ++i) {
      const Json& row = (*rows)[i];
      const Inside at(walk_, i);
      if (!row.is_array()) {
        walk_.fail_type("a list", row);
      } else if (row.size() != table.columns.size()) {
        walk_.fail(
            fmt::format("{} cells in a table of {} columns", row.size(), table.columns.size()));
      } else {
        std::vector<base::Cell> cells;
        for (const Json& value : row) cells.push_back(walk_.cell(value));
        table.rows.push_back(std::move(cells));
      }
    }
    return table;
  }

  JsonWalk walk_;
  std::vector<std::string> left_out_;  // tables whose rows the file does not have
};

}  // namespace

Result read_json(std::string_view text, const std::string& file_name) {
  return ResultReader(text, file_name).read();
}

Result read_json_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw base::EnvironmentError(fmt::format("cannot read {}: it is a directory", path));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw base::EnvironmentError(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  const std::string content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad())
    throw base::EnvironmentError(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  return read_json(content, path);
}

}  // namespace windtunnel::reports

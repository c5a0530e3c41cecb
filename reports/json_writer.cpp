#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "reports/json.hpp"
#include "reports/json_emitter.hpp"

namespace windtunnel::reports {
namespace {

using Layout = JsonEmitter::Layout;

class ResultWriter {
 public:
  ResultWriter(const Result& result, const JsonOptions& options)
      : result_(result), options_(options) {}

  std::string write() {
    json_.begin_object(Layout::lines);
    json_.member("schema", kResultSchema);
    json_.key("tool");
    json_.begin_object();
    json_.member("version", result_.tool_version);
    json_.member("git", result_.tool_git);
    json_.end();
    write_scenarios();
    json_.member("seed", result_.seed);
    if (!result_.calibrations.empty())
      write_words("calibrations", result_.calibrations, Layout::inline_);
    json_.key("cases");
    json_.begin_array(Layout::lines);
    for (const ResultCase& one : result_.cases) write_case(one);
    json_.end();
    if (result_.plan) write_plan(*result_.plan);
    if (!result_.tables.empty()) write_tables(result_.tables, "the result");
    write_fact_info();
    write_warnings();
    json_.end();
    return json_.take();
  }

 private:
  void write_scenario(const ScenarioRecord& scenario) {
    json_.begin_object();
    json_.member("name", scenario.name);
    json_.member("path", scenario.path);
    json_.member("sha256", scenario.sha256);
    json_.end();
  }

  void write_scenarios() {
    if (result_.scenarios.size() > 1) {
      json_.key("scenarios");
      json_.begin_array(Layout::lines);
      for (const ScenarioRecord& scenario : result_.scenarios) write_scenario(scenario);
      json_.end();
    } else {
      json_.key("scenario");
      write_scenario(result_.scenarios.empty() ? ScenarioRecord{} : result_.scenarios.front());
    }
  }

  void write_words(std::string_view key, const std::vector<std::string>& words, Layout layout) {
    json_.key(key);
    json_.begin_array(layout);
    for (const std::string& word : words) json_.value(word);
    json_.end();
  }

  // A number with what it is, for the warning where it is none.
  void write_number(std::string_view key, double number, const std::string& where) {
    if (!std::isfinite(number)) {
      lost_.insert(
          fmt::format("{}: {} is not a finite number and was written as null", where, key));
    }
    json_.member(key, number);
  }

  void write_facts(const base::Outcome& outcome, const std::string& where) {
    json_.key("facts");
    json_.begin_object(Layout::lines);
    // One alphabetical list of the numbers and the words.
    auto word = outcome.labels.begin();
    const auto write_words_before = [&](const std::string* limit) {
      for (; word != outcome.labels.end() && (limit == nullptr || word->first < *limit); ++word) {
        json_.member(word->first, word->second);
      }
    };
    for (const auto& [name, number] : outcome.facts) {
      write_words_before(&name);
      if (word != outcome.labels.end() && word->first == name)
        ++word;  // a number wins over its namesake
      write_number(name, number, where);
    }
    write_words_before(nullptr);
    json_.end();
  }

  void write_bands(const base::Outcome& outcome, const std::string& where) {
    json_.key("bands");
    json_.begin_object(Layout::lines);
    for (const auto& [name, band] : outcome.bands) {
      json_.key(name);
      json_.begin_object();
      write_number("low", band.low, fmt::format("{}, band of {}", where, name));
      write_number("high", band.high, fmt::format("{}, band of {}", where, name));
      write_number("level", band.level, fmt::format("{}, band of {}", where, name));
      json_.end();
    }
    json_.end();
  }

  void write_table(const std::string& name, const base::Table& table, const std::string& where) {
    json_.key(name);
    json_.begin_object(Layout::lines);
    write_words("columns", table.columns, Layout::inline_);
    if (options_.most_rows > 0 && table.rows.size() > options_.most_rows) {
      json_.member("row_count", static_cast<std::int64_t>(table.rows.size()));
    } else {
      json_.key("rows");
      json_.begin_array(Layout::lines);
      for (const auto& row : table.rows) write_row(row, fmt::format("{}, table {}", where, name));
      json_.end();
    }
    json_.end();
  }

  void write_row(const std::vector<base::Cell>& row, const std::string& where) {
    json_.begin_array();
    for (const base::Cell& cell : row) {
      const auto* number = std::get_if<double>(&cell);
      if (number != nullptr && !std::isfinite(*number)) {
        lost_.insert(
            fmt::format("{}: holds numbers that are not finite; they were written as null", where));
      }
      json_.value(cell);
    }
    json_.end();
  }

  void write_tables(const std::map<std::string, base::Table>& tables, const std::string& where) {
    json_.key("tables");
    json_.begin_object(Layout::lines);
    for (const auto& [name, table] : tables) write_table(name, table, where);
    json_.end();
  }

  void write_plan(const PlanRecord& plan) {
    json_.key("plan");
    json_.begin_object(Layout::lines);
    json_.key("facts");
    json_.begin_object(Layout::lines);
    for (const auto& [name, number] : plan.facts) write_number(name, number, "the plan");
    for (const auto& [name, word] : plan.words) json_.member(name, word);
    json_.end();
    write_words("varied", plan.varied, Layout::inline_);
    write_words("goals", plan.goals, Layout::inline_);
    write_tables(plan.tables, "the plan");
    json_.end();
  }

  void write_case(const ResultCase& one) {
    const std::string where = fmt::format("case '{}'", one.name);
    json_.begin_object(Layout::lines);
    json_.member("name", one.name);
    if (result_.scenarios.size() > 1 || !one.scenario.empty())
      json_.member("scenario", one.scenario);
    json_.key("parameters");
    json_.begin_object();
    for (const auto& [path, value] : one.parameters) json_.member(path, value);
    json_.end();
    json_.member("engine", one.engine);
    json_.member("status", base::to_text(one.outcome.status));
    json_.member("reason", one.outcome.reason);
    write_facts(one.outcome, where);
    write_bands(one.outcome, where);
    json_.key("rests_on");
    json_.begin_object();
    for (const auto& [fact, grounds] : one.outcome.rests_on)
      write_words(fact, grounds, Layout::inline_);
    json_.end();
    write_tables(one.outcome.tables, where);
    if (!one.outcome.warnings.empty()) write_words("warnings", one.outcome.warnings, Layout::lines);
    write_number("wall_s", one.wall_s, where);
    json_.member("events", one.outcome.events);
    json_.end();
  }

  void write_fact_info() {
    json_.key("fact_info");
    json_.begin_object(Layout::lines);
    for (const auto& [fact, info] : result_.fact_info) {
      json_.key(fact);
      json_.begin_object();
      json_.member("name", info.name);
      json_.member("unit", info.unit);
      json_.member("description", info.description);
      json_.end();
    }
    json_.end();
  }

  void write_warnings() {
    std::vector<std::string> all = result_.warnings;
    for (const std::string& warning : lost_) {
      if (std::find(all.begin(), all.end(), warning) == all.end()) all.push_back(warning);
    }
    write_words("warnings", all, Layout::lines);
  }

  const Result& result_;
  JsonOptions options_;
  JsonEmitter json_;
  std::set<std::string> lost_;
};

}  // namespace

std::string to_json(const Result& result, const JsonOptions& options) {
  return ResultWriter(result, options).write();
}

}  // namespace windtunnel::reports

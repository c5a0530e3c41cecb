#include "reports/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "reports/views/accuracy.hpp"
#include "reports/views/collective.hpp"
#include "reports/views/collective_grid.hpp"
#include "reports/views/generic.hpp"
#include "reports/views/lookup.hpp"
#include "reports/views/mix.hpp"
#include "reports/views/plan.hpp"
#include "reports/views/serve.hpp"
#include "reports/views/timelines.hpp"
#include "reports/views/train.hpp"

namespace windtunnel::reports {
namespace {

// A kind of result and its view. The first that recognises the result is taken; generic comes last.
struct Kind {
  bool (*recognises)(const Result&);
  void (*add)(const Result&, View&);
};
constexpr std::array<Kind, 6> kKinds{{{is_calibration, add_calibration},
                                      {is_validation, add_validation},
                                      {is_mix, add_mix},
                                      {is_training, add_training},
                                      {is_serving, add_serving},
                                      {is_collective, add_collective}}};

// Tables that a view of its own shows, or that are too raw for one.
bool shown_elsewhere(const std::string& name) {
  static const std::set<std::string> kShown{
      "timeline",      "links",    "alternatives", "groups",        "crossovers",
      "measured",      "rows",     "skipped",      "parameters",    "residuals",
      "expectations",  "inferred", "kernel_rows",  "kernel_groups", "memory_rows",
      "memory_groups", "held_out", "fitted_rows"};
  return kShown.contains(name);
}

// The view of one training job shows the tables of its only case.
bool shown_by_training(const Result& result, const std::string& name) {
  const bool known = name == "waterfall" || name == "stages" || name == "kernels" ||
                     name == "roofline" || name == "roofs";
  return known && result.cases.size() == 1 && is_training(result);
}

// Requests and load have rows without end: the page draws them, result.json has them.
bool shown_by_serving(const Result& result, const std::string& name) {
  if (!is_serving(result)) return false;
  if (name == "requests" || name == "load") return true;
  const bool known = name == "replicas" || name == "memory" || name == "steps";
  return known && result.cases.size() == 1;
}

// Shows the number of one cell in a unit that its column does not tell.
void show_number(const base::Table& table, std::size_t row, std::string_view column, Unit unit,
                 ViewTable& shown) {
  const auto found = std::find(table.columns.begin(), table.columns.end(), column);
  if (found == table.columns.end()) return;
  const double number = TableReader(table).number(row, column);
  const auto at = static_cast<std::size_t>(found - table.columns.begin());
  if (std::isfinite(number)) shown.rows[row][at].text = value_text(number, unit);
}

// What the scenario expects and what came out.
void add_expectations(const Result& result, View& view) {
  const auto found = result.tables.find("expectations");
  if (found == result.tables.end() || found->second.rows.empty()) return;
  ViewTable shown = table_view(found->second, result);
  const TableReader reader(found->second);
  std::size_t failed = 0;
  for (std::size_t r = 0; r < shown.rows.size(); ++r) {
    // `got` is in the unit of its fact, another one in each row.
    show_number(found->second, r, "got", unit_of(reader.word(r, "fact"), result.fact_info), shown);
    show_number(found->second, r, "deviation", Unit::fraction, shown);
    if (reader.word(r, "verdict") == "ok") continue;
    ++failed;
    for (ViewCell& cell : shown.rows[r]) cell.mark = Mark::bad;
  }
  view.summary.push_back(
      failed == 0
          ? fmt::format("{} of the scenario hold{}.", counted(shown.rows.size(), "expectation"),
                        shown.rows.size() == 1 ? "s" : "")
          : fmt::format("{} of {} FAIL{}.", failed, counted(shown.rows.size(), "expectation"),
                        failed == 1 ? "S" : ""));
  if (!several_scenarios(result) && reader.has("scenario")) {
    const std::size_t at = static_cast<std::size_t>(
        std::find(found->second.columns.begin(), found->second.columns.end(), "scenario") -
        found->second.columns.begin());
    for (auto& row : shown.rows) row[at].text.clear();
  }
  shown.key_columns = 0;
  drop_empty_columns(shown);
  shown.key_columns = 1;
  view.sections.push_back({"expectations", "Expectations", {}, {}, {std::move(shown)}});
}

// Whatever tables a workload brings that no view knows.
void add_other_tables(const Result& result, View& view) {
  constexpr std::size_t kMostRows = 200;
  Section section{"tables", "Further tables", {}, {}, {}};
  const auto add = [&](const std::string& title, const base::Table& table, Detail detail) {
    if (table.rows.empty()) return;
    ViewTable shown = table_view(table, result, kMostRows);
    shown.title = title;
    shown.detail = detail;
    section.tables.push_back(std::move(shown));
  };
  for (const auto& [name, table] : result.tables) {
    if (!shown_elsewhere(name)) add(name, table, Detail::headline);
  }
  const bool only = result.cases.size() == 1;
  for (const ResultCase& one : result.cases) {
    if (is_plan(result) && !only) break;  // its best is shown in full
    for (const auto& [name, table] : one.outcome.tables) {
      if (!shown_elsewhere(name) && !shown_by_training(result, name) &&
          !shown_by_serving(result, name) && !shown_by_mix(result, name))
        add(only ? name : fmt::format("{} of {}", name, one.name), table,
            only ? Detail::headline : Detail::full);
    }
  }
  if (!section.tables.empty()) view.sections.push_back(std::move(section));
}

// The fact that the grounds are told for: the one that most cases have grounds for.
std::string main_grounded_fact(const Result& result) {
  std::map<std::string, std::size_t> count;
  for (const ResultCase& one : result.cases) {
    for (const auto& [fact, unused] : one.outcome.rests_on) ++count[fact];
  }
  if (count.contains("time_s")) return "time_s";
  const auto most = std::max_element(
      count.begin(), count.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == count.end() ? "" : most->first;
}

// What the words mean, of those that occur.
std::string meaning_of(const std::set<std::string>& words) {
  static const std::vector<std::pair<std::string, std::string>> kMeanings{
      {"measured", "a calibrated profile has this very setting"},
      {"interpolated", "between settings of a profile"},
      {"model", "a formula with fitted parameters"},
      {"roofline", "data-sheet peaks, nothing measured"},
      {"extrapolated", "beyond what was measured, or of a relative"}};
  std::string out;
  for (const auto& [word, meaning] : kMeanings) {
    if (!words.contains(word)) continue;
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", word, meaning);
  }
  return out;
}

// "time rests on: measured, interpolated (12 cases); model (3 cases)."
void add_grounds(const Result& result, View& view) {
  const std::string fact = main_grounded_fact(result);
  std::map<std::string, std::size_t> count;
  std::set<std::string> words;
  for (const ResultCase& one : result.cases) {
    const auto grounds = one.outcome.rests_on.find(fact);
    if (grounds == one.outcome.rests_on.end()) continue;
    ++count[joined(grounds->second)];
    words.insert(grounds->second.begin(), grounds->second.end());
  }
  std::string text;
  for (const auto& [grounds, cases] : count) {
    text += fmt::format("{}{}", text.empty() ? "" : "; ", grounds);
    if (result.cases.size() > 1) text += fmt::format(" ({})", counted(cases, "case"));
  }
  if (!text.empty())
    view.grounds.push_back(fmt::format("{} rests on: {}.", title_of(fact, result.fact_info), text));
  if (!words.empty()) view.grounds.push_back(fmt::format("({})", meaning_of(words)));
  if (!result.calibrations.empty())
    view.grounds.push_back(fmt::format("Calibration: {}.", joined(result.calibrations)));
  std::map<std::string, std::size_t> engines;
  for (const ResultCase& one : result.cases) {
    if (!one.engine.empty() && one.engine != "none") ++engines[one.engine];
  }
  std::vector<std::string> names;
  for (const auto& [engine, cases] : engines) {
    names.push_back(engines.size() == 1 ? engine
                                        : fmt::format("{} ({})", engine, counted(cases, "case")));
  }
  if (!names.empty()) view.grounds.push_back(fmt::format("Engine: {}.", joined(names)));
}

// Warnings of the result, then those of cases; one said by many cases is said once.
void add_warnings(const Result& result, View& view) {
  view.warnings = result.warnings;
  std::vector<std::pair<std::string, std::vector<std::string>>> by_text;
  for (const ResultCase& one : result.cases) {
    for (const std::string& warning : one.outcome.warnings) {
      auto found = std::find_if(by_text.begin(), by_text.end(),
                                [&](const auto& pair) { return pair.first == warning; });
      if (found == by_text.end()) found = by_text.insert(by_text.end(), {warning, {}});
      found->second.push_back(one.name);
    }
  }
  for (const auto& [text, cases] : by_text) {
    // Most are in the result's own list already, there with the number of their cases behind them.
    const bool said = std::any_of(
        result.warnings.begin(), result.warnings.end(),
        [&](const std::string& known) { return known.find(text) != std::string::npos; });
    if (said) continue;
    const bool one = result.cases.size() == 1;
    view.warnings.push_back(
        one ? text
            : fmt::format("{} ({})", text,
                          cases.size() == 1 ? cases.front() : counted(cases.size(), "case")));
  }
}

void add_provenance(const Result& result, View& view) {
  for (const ScenarioRecord& scenario : result.scenarios) {
    const std::string hash = scenario.sha256.empty() ? "" : "sha256 " + scenario.sha256;
    view.provenance.push_back(
        {"scenario", scenario.path.empty() ? scenario.name : scenario.path, hash});
  }
  view.provenance.push_back({"seed", fmt::format("{}", result.seed), ""});
  if (!result.calibrations.empty())
    view.provenance.push_back({"calibration", joined(result.calibrations), ""});
  view.provenance.push_back(
      {"windtunnel", result.tool_version, result.tool_git.empty() ? "" : "git " + result.tool_git});
}

std::string title_of_result(const Result& result) {
  std::vector<std::string> names;
  for (const ScenarioRecord& scenario : result.scenarios) names.push_back(scenario.name);
  if (!names.empty()) return joined(names);
  return result.cases.size() == 1 ? result.cases.front().name : "windtunnel result";
}

std::string subtitle_of(const Result& result) {
  std::size_t infeasible = 0;
  std::size_t failed = 0;
  for (const ResultCase& one : result.cases) {
    infeasible += one.outcome.status == base::Status::infeasible ? 1 : 0;
    failed += one.outcome.status == base::Status::failed ? 1 : 0;
  }
  std::string out = counted(result.cases.size(), "case");
  if (infeasible > 0) out += fmt::format(", {} infeasible", infeasible);
  if (failed > 0) out += fmt::format(", {} failed", failed);
  return out;
}

// As the first kind that recognises it.
void add_kind(const Result& result, View& view) {
  const auto kind = std::find_if(kKinds.begin(), kKinds.end(),
                                 [&](const Kind& one) { return one.recognises(result); });
  if (kind != kKinds.end()) {
    kind->add(result, view);
  } else {
    add_generic(result, view);
  }
}

}  // namespace

View make_view(const Result& result) {
  View view;
  view.title = title_of_result(result);
  view.subtitle = subtitle_of(result);
  if (is_plan(result)) {
    add_plan(result, view, add_kind);
  } else {
    add_kind(result, view);
  }
  add_expectations(result, view);
  add_timelines(result, view);
  add_links(result, view);
  add_other_tables(result, view);
  if (result.cases.size() > 1)
    view.sections.push_back({"facts-of-cases", "All cases", {}, {}, {all_facts_table(result)}});
  add_warnings(result, view);
  add_grounds(result, view);
  add_provenance(result, view);
  return view;
}

}  // namespace windtunnel::reports

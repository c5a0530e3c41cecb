#include "reports/views/generic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

// Facts that a table shows first, where a case has them; the rest follows by name.
constexpr std::array<std::string_view, 16> kFirst{"iteration_time_s",
                                                  "time_s",
                                                  "makespan_s",
                                                  "time_to_target_s",
                                                  "tokens_per_s",
                                                  "mfu",
                                                  "busbw_bytes_per_s",
                                                  "ttft_p50_s",
                                                  "tpot_p50_s",
                                                  "output_tokens_per_s",
                                                  "memory_total_bytes",
                                                  "fits",
                                                  "evaluations_per_s",
                                                  "differences",
                                                  "rows",
                                                  "mean_abs_error"};

std::vector<std::string> facts_in_order(const Result& result) {
  std::set<std::string> names;
  for (const ResultCase& one : result.cases) {
    for (const auto& [name, unused] : one.outcome.facts) names.insert(name);
  }
  std::vector<std::string> order;
  for (const std::string_view name : kFirst) {
    if (names.erase(std::string(name)) > 0) order.emplace_back(name);
  }
  order.insert(order.end(), names.begin(), names.end());
  return order;
}

std::string value_of(const ResultCase& one, const std::string& name, const Result& result) {
  const auto number = fact(one, name);
  return number ? value_text(*number, unit_of(name, result.fact_info)) : "";
}

std::string band_of(const ResultCase& one, const std::string& name) {
  const auto number = fact(one, name);
  const auto band = one.outcome.bands.find(name);
  return number && band != one.outcome.bands.end() ? band_text(*number, band->second) : "";
}

// One row a fact: a single case has room for what each one means.
ViewTable single_case(const ResultCase& one, const Result& result) {
  ViewTable view;
  view.columns = {{"fact", "", Align::left}, {"value", ""}, {"band", ""}, {"", "", Align::left}};
  for (const auto& [name, text] : one.outcome.labels) {
    const auto info = result.fact_info.find(name);
    view.rows.push_back({{title_of(name, result.fact_info)},
                         {text},
                         {},
                         {info == result.fact_info.end() ? "" : info->second.description}});
  }
  for (const std::string& name : facts_in_order(result)) {
    const auto info = result.fact_info.find(name);
    view.rows.push_back(
        {{title_of(name, result.fact_info)},
         {value_of(one, name, result)},
         {band_of(one, name), Mark::muted},
         {info == result.fact_info.end() ? "" : info->second.description, Mark::muted}});
  }
  drop_empty_columns(view);
  return view;
}

// One row a case: what varied, then the first facts.
ViewTable case_table(const Result& result) {
  constexpr std::size_t kMostFacts = 6;
  const auto varying = varying_parameters(result);
  auto facts = facts_in_order(result);
  ViewTable view;
  if (facts.size() > kMostFacts) {
    view.notes.push_back(counted(facts.size() - kMostFacts, "more fact") + " in JSON and CSV");
    facts.resize(kMostFacts);
  }
  view.columns.push_back({"case", "", Align::left});
  for (const std::string& path : varying) view.columns.push_back({path, ""});
  const bool names_only = varying.empty();
  if (!names_only) view.columns.erase(view.columns.begin());  // the parameters say which case it is
  view.key_columns = names_only ? 1 : varying.size();
  view.columns.push_back({"status", "", Align::left});
  for (const std::string& name : facts)
    view.columns.push_back({title_of(name, result.fact_info), ""});
  for (const ResultCase& one : result.cases) {
    std::vector<ViewCell> row;
    if (names_only) row.push_back({one.name});
    for (const std::string& path : varying) row.push_back({parameter_text(one, path)});
    const bool ok = one.outcome.status == base::Status::ok;
    row.push_back({std::string(base::to_text(one.outcome.status)), ok ? Mark::muted : Mark::bad});
    for (const std::string& name : facts) row.push_back({value_of(one, name, result)});
    view.rows.push_back(std::move(row));
    if (!ok) view.notes.push_back(one.name + ": " + one.outcome.reason);
  }
  return view;
}

}  // namespace

void add_generic(const Result& result, View& view) {
  if (result.cases.empty()) {
    view.summary.emplace_back("There are no cases in this result.");
    return;
  }
  const auto facts = facts_in_order(result);
  if (result.cases.size() == 1) {
    const ResultCase& one = result.cases.front();
    for (std::size_t i = 0; i < std::min<std::size_t>(facts.size(), 4); ++i) {
      view.headline.push_back({title_of(facts[i], result.fact_info),
                               value_of(one, facts[i], result), band_of(one, facts[i])});
    }
    if (one.outcome.status != base::Status::ok)
      view.summary.push_back(
          fmt::format("{}: {}.", base::to_text(one.outcome.status), one.outcome.reason));
    if (facts.empty()) return;
    Section section{"facts", one.name, {}, {}, {single_case(one, result)}};
    view.sections.push_back(std::move(section));
  } else {
    view.sections.push_back({"cases", "Cases", {}, {}, {case_table(result)}});
  }
}

}  // namespace windtunnel::reports

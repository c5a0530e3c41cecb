#include "reports/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "reports/json_emitter.hpp"
#include "reports/unit.hpp"
#include "reports/views/lookup.hpp"
#include "reports/views/train_charts.hpp"

namespace windtunnel::reports {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

bool is_about_the_simulation(const std::string& fact) {
  return fact == "wall_s" || fact == "evaluations_per_s";
}

using CaseKey = std::string;

using Paths = std::set<std::string>;

// Parameters that have one value in all cases of a result: a setting of the run, not of a case.
Paths settings_of(const Result& result) {
  std::map<std::string, std::set<std::string>> values;
  for (const ResultCase& one : result.cases) {
    for (const auto& [path, value] : one.parameters) {
      values[path].insert(cell_text(value, Unit::plain));
    }
  }
  Paths out;
  for (const auto& [path, seen] : values) {
    if (seen.size() == 1) out.insert(path);
  }
  return out;
}

Paths paths_of(const Result& result) {
  Paths out;
  for (const ResultCase& one : result.cases) {
    for (const auto& [path, value] : one.parameters) out.insert(path);
  }
  return out;
}

// Settings that only one of the two results states (`--set calibration=...` in one run): they are
// what is compared, not what tells cases apart.
Paths settings_of_one(const Result& a, const Result& b) {
  Paths out;
  const Paths in_a = paths_of(a);
  const Paths in_b = paths_of(b);
  for (const std::string& path : settings_of(a)) {
    if (!in_b.contains(path)) out.insert(path);
  }
  for (const std::string& path : settings_of(b)) {
    if (!in_a.contains(path)) out.insert(path);
  }
  return out;
}

// Parameters by name, so that their order does not matter; names and values kept apart by control
// characters.
CaseKey key_of(const ResultCase& one, const Paths& left_out) {
  if (one.parameters.empty()) return one.scenario + "\x1f" + one.name;
  std::map<std::string, std::string> sorted;
  for (const auto& [path, value] : one.parameters) {
    if (left_out.contains(path)) continue;
    const double number = number_in(value);
    sorted[path] = std::isfinite(number) ? number_text(number) : cell_text(value, Unit::plain);
  }
  CaseKey key = one.scenario;
  for (const auto& [path, value] : sorted) key += "\x1f" + path + "\x1e" + value;
  return key;
}

class Comparer {
 public:
  Comparer(const Result& a, const Result& b, const CompareOptions& options) : a_(a), b_(b) {
    out_.options = options;
    out_.fact_info = b.fact_info;
    out_.fact_info.insert(a.fact_info.begin(), a.fact_info.end());
  }

  Comparison compare() {
    std::map<CaseKey, std::vector<const ResultCase*>> partners;
    const Paths left_out = settings_of_one(a_, b_);
    for (const ResultCase& one : b_.cases) partners[key_of(one, left_out)].push_back(&one);
    std::set<const ResultCase*> taken;
    for (const ResultCase& one : a_.cases) {
      auto& candidates = partners[key_of(one, left_out)];
      if (candidates.empty()) {
        add_lonely(one, Verdict::only_a);
        continue;
      }
      taken.insert(candidates.front());
      compare_cases(one, *candidates.front());
      candidates.erase(candidates.begin());
    }
    for (const ResultCase& one : b_.cases) {
      if (!taken.contains(&one)) add_lonely(one, Verdict::only_b);
    }
    return std::move(out_);
  }

 private:
  void add_lonely(const ResultCase& one, Verdict verdict) {
    out_.rows.push_back({one.name, "", {}, {}, kNone, verdict});
    ++out_.differences;
  }

  void add(FactComparison row) {
    if (row.verdict == Verdict::differs) ++out_.differences;
    out_.rows.push_back(std::move(row));
  }

  void add_words(const std::string& name, const std::string& fact, const std::string& a,
                 const std::string& b) {
    add({name, fact, a, b, kNone, a == b ? Verdict::same : Verdict::differs});
  }

  void compare_cases(const ResultCase& a, const ResultCase& b) {
    ++out_.matched_cases;
    add_words(a.name, "status", std::string(base::to_text(a.outcome.status)),
              std::string(base::to_text(b.outcome.status)));
    std::set<std::string> names;
    for (const auto* facts : {&a.outcome.facts, &b.outcome.facts}) {
      for (const auto& [fact, unused] : *facts) names.insert(fact);
    }
    for (const auto* labels : {&a.outcome.labels, &b.outcome.labels}) {
      for (const auto& [fact, unused] : *labels) names.insert(fact);
    }
    for (const std::string& name : names) {
      if (!is_about_the_simulation(name)) compare_fact(a, b, name);
    }
  }

  static base::Cell value_of(const ResultCase& one, const std::string& name) {
    if (const auto number = fact(one, name)) return *number;
    if (one.outcome.labels.contains(name)) return label(one, name);
    return {};
  }

  void compare_fact(const ResultCase& a, const ResultCase& b, const std::string& name) {
    FactComparison row{a.name, name, value_of(a, name), value_of(b, name), kNone, Verdict::same};
    const auto* x = std::get_if<double>(&row.a);
    const auto* y = std::get_if<double>(&row.b);
    if (std::holds_alternative<std::monostate>(row.b)) {
      row.verdict = Verdict::only_a;
    } else if (std::holds_alternative<std::monostate>(row.a)) {
      row.verdict = Verdict::only_b;
    } else if (x != nullptr && y != nullptr) {
      row.ratio = *x == *y ? 1.0 : *y / *x;
      const bool both_missing = std::isnan(*x) && std::isnan(*y);
      const bool close = *x == *y || std::abs(*y - *x) <= out_.options.tolerance * std::abs(*x);
      row.verdict = both_missing || close ? Verdict::same : Verdict::differs;
    } else {
      row.verdict = row.a == row.b ? Verdict::same : Verdict::differs;
    }
    add(std::move(row));
  }

  const Result& a_;
  const Result& b_;
  Comparison out_;
};

double deviation(const FactComparison& row) {
  return std::isfinite(row.ratio)       ? std::abs(row.ratio - 1.0)
         : row.verdict == Verdict::same ? 0.0
                                        : HUGE_VAL;
}

// People's text of a value: the column holds seconds in one row and bytes in the next.
base::Cell shown(const base::Cell& value, const FactComparison& row, const Comparison& comparison) {
  if (std::holds_alternative<std::monostate>(value)) return {};
  const Unit unit = unit_of(row.fact, comparison.fact_info);
  // Memory in one unit, however round a value is.
  if (unit == Unit::bytes && row.fact.starts_with("memory_")) {
    return memory_text(number_in(value));
  }
  return cell_text(value, unit);
}

constexpr std::array kFirst{"status",
                            "(the whole case)",
                            "iteration_time_s",
                            "time_s",
                            "makespan_s",
                            "tokens_per_s",
                            "samples_per_s",
                            "tokens_per_s_per_gpu",
                            "output_tokens_per_s",
                            "request_throughput_per_s",
                            "busbw_bytes_per_s",
                            "mfu",
                            "cost_per_iteration_usd",
                            "ttft_p50_s",
                            "tpot_p50_s",
                            "e2e_p50_s",
                            "fits",
                            "memory_total_bytes"};

// Time and rates, where the time goes, memory, the rest.
std::size_t rank_of(const std::string& fact) {
  const auto found = std::find(kFirst.begin(), kFirst.end(), fact);
  const auto place = static_cast<std::size_t>(found - kFirst.begin());
  if (found != kFirst.end()) return place;
  return kFirst.size() + (fact.starts_with("time_") ? 0 : fact.starts_with("memory_") ? 1 : 2);
}

}  // namespace

base::Table for_people(const base::Table& comparison,
                       const std::map<std::string, base::FactInfo>& fact_info) {
  const TableReader rows(comparison);
  std::map<std::string, std::size_t> cases;  // in the order that they stand in
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    cases.emplace(rows.word(i, "case"), cases.size());
    order.push_back(i);
  }
  const auto key = [&](std::size_t i) {
    return std::pair(cases.at(rows.word(i, "case")), rank_of(rows.word(i, "fact")));
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  base::Table out{comparison.columns, {}};
  for (const std::size_t i : order) {
    out.rows.push_back(comparison.rows[i]);
    base::Cell& fact = out.rows.back()[1];
    if (fact_info.contains(rows.word(i, "fact"))) fact = title_of(rows.word(i, "fact"), fact_info);
  }
  return out;
}

std::string_view to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::same:
      return "same";
    case Verdict::differs:
      return "DIFFERS";
    case Verdict::only_a:
      return "only in A";
    case Verdict::only_b:
      return "only in B";
  }
  return "same";
}

Comparison compare(const Result& a, const Result& b, const CompareOptions& options) {
  return Comparer(a, b, options).compare();
}

Result to_result(const Comparison& comparison) {
  Result result;
  ResultCase one;
  one.name = fmt::format("{} against {}", comparison.options.name_b, comparison.options.name_a);
  std::vector<const FactComparison*> rows;
  double largest = 0.0;
  for (const FactComparison& row : comparison.rows) {
    rows.push_back(&row);
    if (std::isfinite(deviation(row))) largest = std::max(largest, deviation(row));
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto* a, const auto* b) { return deviation(*a) > deviation(*b); });
  base::Table table{{"case", "fact", "a", "b", "ratio", "verdict"}, {}};
  for (const FactComparison* row : rows) {
    const std::string fact = row->fact.empty() ? "(the whole case)" : row->fact;
    table.rows.push_back({row->case_name, fact, shown(row->a, *row, comparison),
                          shown(row->b, *row, comparison),
                          std::isfinite(row->ratio) ? base::Cell(row->ratio) : base::Cell(),
                          std::string(to_text(row->verdict))});
  }
  one.outcome.tables["comparison"] = std::move(table);
  one.outcome.facts = {{"cases_matched", static_cast<double>(comparison.matched_cases)},
                       {"differences", static_cast<double>(comparison.differences)},
                       {"tolerance_fraction", comparison.options.tolerance},
                       {"largest_deviation_fraction", largest}};
  result.cases.push_back(std::move(one));
  result.fact_info = {
      {"cases_matched", {"cases matched", "", "cases that both results have"}},
      {"differences",
       {"differences", "", "facts and cases that differ by more than the tolerance"}},
      {"tolerance_fraction",
       {"tolerance", "fraction", "relative difference that is still the same"}},
      {"largest_deviation_fraction",
       {"largest deviation", "fraction", "largest |b/a - 1| of any fact"}},
      {"a", {comparison.options.name_a, "", ""}},
      {"b", {comparison.options.name_b, "", ""}}};
  return result;
}

}  // namespace windtunnel::reports

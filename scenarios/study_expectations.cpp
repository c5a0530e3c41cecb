#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "reports/unit.hpp"
#include "scenarios/known_facts.hpp"
#include "scenarios/study_tables.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::scenarios {

namespace {

std::optional<double> as_number(std::string_view text) {
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && stop == text.data() + text.size()) return value;
  for (const base::Dimension dimension :
       {base::Dimension::bytes, base::Dimension::time, base::Dimension::bandwidth}) {
    const base::ParsedQuantity quantity = base::parse_quantity(text, dimension);
    if (const double* number = std::get_if<double>(&quantity)) return *number;
  }
  return std::nullopt;
}

// 1MiB is 1048576 is 1024KiB; words are compared as they stand.
bool same_value(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const std::optional<double> x = as_number(a);
  const std::optional<double> y = as_number(b);
  return x && y && std::abs(*x - *y) <= 1e-12 * std::abs(*y);
}

std::string text_of(const base::Cell& cell) {
  if (const auto* word = std::get_if<std::string>(&cell)) return *word;
  if (const auto* count = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *count);
  if (const auto* number = std::get_if<double>(&cell)) return fmt::format("{}", *number);
  return "";
}

// What `when` says of a case beyond its sweep point: workload.op, workload.algorithm,
// workload.size.
bool holds_for_case(const Expectation& expectation, const reports::ResultCase& result) {
  for (const auto& [path, wanted] : expectation.when) {
    const auto named = [&path](const auto& parameter) { return parameter.first == path; };
    const auto found = std::find_if(result.parameters.begin(), result.parameters.end(), named);
    if (found == result.parameters.end() || !same_value(text_of(found->second), wanted)) {
      return false;
    }
  }
  return true;
}

// The sweep point's form of an expectation of the file; null where it cannot hold there.
const Expectation* at_point(const Expectation& expectation, const SweepPoint& point) {
  for (const Expectation& own : point.expectations) {
    if (own.fact == expectation.fact && own.where.line == expectation.where.line &&
        own.where.column == expectation.where.column) {
      return &own;
    }
  }
  return nullptr;
}

// In the fact's unit; to every digit where a rounded figure could not be told from the wrong one.
std::string amount_text(const Expectation& expectation, double amount) {
  constexpr double kRoundedAway = 1e-3;
  const bool exact = expectation.value && expectation.tolerance < kRoundedAway;
  const reports::Unit unit = reports::unit_of(expectation.fact, facts_of_all_workloads());
  return exact ? fmt::format("{}", amount) : reports::value_text(amount, unit);
}

std::string expected_text(const Expectation& expectation) {
  std::vector<std::string> parts;
  if (expectation.value) {
    std::string text = amount_text(expectation, *expectation.value);
    if (expectation.tolerance > 0) text += fmt::format(" ±{:.4g} %", 100 * expectation.tolerance);
    parts.push_back(text);
  }
  if (expectation.minimum) {
    parts.push_back("at least " + amount_text(expectation, *expectation.minimum));
  }
  if (expectation.maximum) {
    parts.push_back("at most " + amount_text(expectation, *expectation.maximum));
  }
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

// Rounding of the arithmetic is no deviation.
constexpr double kRounding = 1e-12;

bool holds(const Expectation& expectation, double got) {
  if (std::isnan(got)) return false;
  if (expectation.value) {
    const double allowed = (expectation.tolerance + kRounding) * std::abs(*expectation.value);
    if (std::abs(got - *expectation.value) > allowed) return false;
  }
  if (expectation.minimum && got < *expectation.minimum) return false;
  return !expectation.maximum || got <= *expectation.maximum;
}

base::Cell deviation(const Expectation& expectation, double got) {
  if (!expectation.value || *expectation.value == 0) return std::monostate{};
  return got / *expectation.value - 1.0;
}

std::string missing_text(const Expectation& expectation, const reports::ResultCase& result) {
  if (!result.outcome.reason.empty()) return fmt::format("FAILS: {}", result.outcome.reason);
  std::vector<std::string> names;
  for (const auto& [name, value] : result.outcome.facts) names.push_back(name);
  return fmt::format("FAILS: the case has no fact '{}'{}", expectation.fact,
                     base::did_you_mean(expectation.fact, names));
}

}  // namespace

ExpectationCheck check_expectations(const LoadedScenario& scenario,
                                    std::span<const CaseOfPoint> cases) {
  ExpectationCheck check;
  check.table.columns = {"scenario", "case",      "fact",    "expected",
                         "got",      "deviation", "verdict", "source"};
  for (const Expectation& expectation : scenario.expectations) {
    bool meant = false;
    const auto add = [&](std::string name, base::Cell got, base::Cell off, std::string verdict) {
      if (verdict != "ok") ++check.failed;
      check.table.rows.push_back({scenario.name, std::move(name), expectation.fact,
                                  expected_text(expectation), std::move(got), std::move(off),
                                  std::move(verdict), expectation.source});
    };
    for (const CaseOfPoint& one : cases) {
      const Expectation* own = at_point(expectation, *one.point);
      if (own == nullptr || !holds_for_case(*own, *one.result)) continue;
      meant = true;
      const auto found = one.result->outcome.facts.find(expectation.fact);
      if (found == one.result->outcome.facts.end()) {
        add(one.result->name, {}, {}, missing_text(expectation, *one.result));
        continue;
      }
      const double got = found->second;
      add(one.result->name, got, deviation(expectation, got),
          holds(expectation, got) ? "ok" : "FAILS");
    }
    if (!meant) add("", {}, {}, "FAILS: no case is meant by `when`");
  }
  return check;
}

}  // namespace windtunnel::scenarios

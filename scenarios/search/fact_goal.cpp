#include "scenarios/search/fact_goal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "scenarios/expectation.hpp"
#include "strategies/serve/capacity.hpp"

namespace windtunnel::scenarios {
namespace {

// Rounding of the arithmetic breaks no constraint.
constexpr double kRounding = 1e-12;

std::optional<double> bare_number(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return percent ? value / 100.0 : value;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// What a bare number of a fact of bytes or seconds may have meant.
std::string_view likely_units(std::string_view fact) {
  if (fact.ends_with("_per_s")) return "";
  if (fact.ends_with("_bytes")) return "GiB GB B";
  return fact.ends_with("_s") ? "s ms" : "";
}

std::string spellings(std::string_view number, std::string_view units) {
  std::string out;
  while (!units.empty()) {
    const std::size_t end = std::min(units.find(' '), units.size());
    out += fmt::format("{}{}{}", out.empty() ? "" : " or ", number, units.substr(0, end));
    units.remove_prefix(std::min(end + 1, units.size()));
  }
  return out;
}

// Longer signs before their beginnings.
constexpr std::array<std::pair<std::string_view, Relation>, 5> kSigns{{{"<=", Relation::at_most},
                                                                       {">=", Relation::at_least},
                                                                       {"==", Relation::equal},
                                                                       {"<", Relation::below},
                                                                       {">", Relation::above}}};

}  // namespace

Better better_of(std::string_view fact) {
  constexpr std::array<std::string_view, 5> kEndings{"_per_s", "_per_s_per_gpu", "_per_s_per_user",
                                                     "_per_day", "_hit_rate"};
  constexpr std::array<std::string_view, 12> kNames{
      "mfu",       "hfu",           "fits",      "slo_attainment",   "gpu_busy_fraction",
      "completed", "batch_mean",    "kv_blocks", "draft_acceptance", "kv_tokens",
      "requests",  "tokens_per_gpu"};
  const bool rate = std::any_of(kEndings.begin(), kEndings.end(),
                                [&](std::string_view ending) { return fact.ends_with(ending); });
  const bool named = std::find(kNames.begin(), kNames.end(), fact) != kNames.end();
  return rate || named ? Better::higher : Better::lower;
}

bool FactConstraint::holds(double value) const {
  const double slack = kRounding * std::abs(limit);
  switch (relation) {
    case Relation::at_most:
      return value <= limit + slack;
    case Relation::below:
      return value < limit;
    case Relation::at_least:
      return value >= limit - slack;
    case Relation::above:
      return value > limit;
    case Relation::equal:
      return std::abs(value - limit) <= slack;
  }
  return false;
}

std::optional<FactConstraint> parse_constraint(const std::string& fact, const Node& node,
                                               base::Diagnostics& diagnostics) {
  std::string_view rest = trimmed(node.text);
  const auto sign = std::find_if(kSigns.begin(), kSigns.end(),
                                 [&](const auto& one) { return rest.starts_with(one.first); });
  if (sign == kSigns.end()) {
    diagnostics.error(node.where,
                      fmt::format("search.constraints.{} has to begin with <=, >=, <, > or ==, as "
                                  "in \"<= {}\"",
                                  fact, node.text.empty() ? "1" : node.text));
    return std::nullopt;
  }
  rest.remove_prefix(sign->first.size());
  rest = trimmed(rest);
  FactConstraint out{.fact = fact,
                     .relation = sign->second,
                     .limit = 0,
                     .text = fmt::format("{} {} {}", fact, sign->first, rest)};
  const auto dimension = dimension_of_fact(fact);
  if (const auto number = bare_number(rest)) {
    const std::string_view units = likely_units(fact);
    if (!units.empty() && *number != 0.0) {
      diagnostics.error(node.where, fmt::format("search.constraints.{}: '{}' has no unit; write "
                                                "one, as in {}",
                                                fact, rest, spellings(rest, units)));
      return std::nullopt;
    }
    out.limit = *number;
    return out;
  }
  if (!dimension) {
    diagnostics.error(node.where,
                      fmt::format("search.constraints.{}: '{}' is no number", fact, rest));
    return std::nullopt;
  }
  const auto parsed = base::parse_quantity(rest, *dimension);
  if (const double* value = std::get_if<double>(&parsed)) {
    out.limit = *value;
    return out;
  }
  diagnostics.error(node.where, fmt::format("search.constraints.{}: {}", fact,
                                            std::get<base::UnitError>(parsed).message));
  return std::nullopt;
}

const std::map<std::string, base::FactInfo>& facts_of_search(std::string_view workload_kind) {
  static const std::map<std::string, base::FactInfo> kNone;
  static const std::map<std::string, base::FactInfo> kServe = [] {
    std::map<std::string, base::FactInfo> out = strategies::capacity_fact_info();
    out["cost_per_hour_usd"] = {"cost an hour", "usd",
                                "GPU hours of all replicas, without their power"};
    out["replicas"] = {"replicas", "", "as few as carry the rate within the SLO"};
    return out;
  }();
  return workload_kind == "serve" ? kServe : kNone;
}

}  // namespace windtunnel::scenarios

// `windtunnel compare`: two saved results side by side, with ratios.
#include <fmt/format.h>

#include "reports/json.hpp"
#include "reports/unit.hpp"
#include "scenarios/cli/compare_results.hpp"
#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/verb.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::scenarios::cli {

namespace {

// "0.05" or "5%".
double parse_tolerance(const std::string& text) {
  const bool per_cent = text.ends_with('%');
  const std::string digits = per_cent ? text.substr(0, text.size() - 1) : text;
  char* end = nullptr;
  const double value = std::strtod(digits.c_str(), &end);
  if (digits.empty() || *end != '\0' || !(value >= 0)) {
    throw UsageError("compare",
                     fmt::format("--tolerance: '{}' is not a share such as 5% or 0.05", text));
  }
  return per_cent ? value / 100 : value;
}

std::optional<double> number(const base::Cell& cell) {
  if (const auto* value = std::get_if<double>(&cell)) return *value;
  return std::nullopt;
}

base::Cell ratio(const FactDifference& row) {
  const auto a = number(row.a);
  const auto b = number(row.b);
  if (!a || !b || *a == 0) return std::monostate{};
  return *b / *a;
}

// For people each number is in the unit of its fact; for programs it stays a number.
base::Cell shown(const base::Cell& cell, const FactDifference& row, Format format) {
  if (format == Format::json || format == Format::csv) return cell;
  return reports::cell_text(cell, reports::unit_of(row.fact));
}

// Every case's time, and whatever differs beyond the tolerance; everything where facts were named.
base::Table table_of(const Comparison& comparison, const CompareOptions& options, Format format) {
  base::Table table{.columns = {"case", "fact", "a", "b", "ratio", "verdict"}, .rows = {}};
  for (const FactDifference& row : comparison.rows) {
    const bool headline = row.fact == "time_s" || row.fact == "iteration_time_s";
    if (!headline && !row.beyond && options.facts.empty()) continue;
    table.rows.push_back({row.name, row.fact, shown(row.a, row, format), shown(row.b, row, format),
                          ratio(row), std::string(row.beyond ? "DIFFERS" : "ok")});
  }
  return table;
}

}  // namespace

ExitCode verb_compare(const Invocation& invocation) {
  std::vector<std::string> files;
  std::string tolerance;
  CompareOptions options;
  OutputFlags output;
  Arguments arguments("compare", "Two saved results side by side; ratio is b / a.");
  arguments.positional("A.json B.json", files, {.least = 2, .most = 2}, "results of run --out");
  arguments.text("--tolerance", tolerance, "SHARE",
                 "exit 1 where a fact differs by more: 5% or 0.05 (default: rounding, 1e-9)");
  arguments.list("--fact", options.facts, "NAME", "compare only this fact; repeatable");
  output.add_to(arguments);
  arguments.parse(invocation.arguments);
  if (!tolerance.empty()) options.tolerance = parse_tolerance(tolerance);
  Console console = output.console();
  const reports::Result a = reports::read_json_file(files[0]);
  const reports::Result b = reports::read_json_file(files[1]);
  const Comparison comparison = compare(a, b, options);
  if (comparison.rows.empty() && !options.facts.empty()) {
    throw UsageError("compare", "no case of either file has a fact of that name");
  }
  console.data(render(table_of(comparison, options, output.format()), output.format()));
  if (comparison.beyond == 0) return ExitCode::ok;
  console.error(fmt::format("{} of {} facts differ by more than {:.4g} %", comparison.beyond,
                            comparison.rows.size(), 100 * options.tolerance));
  return ExitCode::not_met;
}

}  // namespace windtunnel::scenarios::cli

// `windtunnel compare`: two saved results side by side, with ratios.
#include "reports/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "calibration/kernels/profile_compare.hpp"
#include "reports/json.hpp"
#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/result_output.hpp"
#include "scenarios/cli/verb.hpp"
#include "scenarios/kernel_profiles.hpp"

namespace windtunnel::scenarios::cli {

namespace {

// Two runs of one build agree to the last bit; two builds may round differently.
constexpr double kRounding = 1e-9;

// "0.05" or "5%".
double parse_tolerance(const std::string& text) {
  const bool per_cent = text.ends_with('%');
  const std::string digits = per_cent ? text.substr(0, text.size() - 1) : text;
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value) || value < 0) {
    throw UsageError("compare",
                     fmt::format("--tolerance: '{}' is not a share such as 5% or 0.05", text));
  }
  return per_cent ? value / 100 : value;
}

// Keeps only these facts and words of every case; nothing was asked for: keeps all.
void keep_facts(reports::Result& result, const std::vector<std::string>& names) {
  if (names.empty()) return;
  const auto unwanted = [&names](const auto& entry) {
    return std::find(names.begin(), names.end(), entry.first) == names.end();
  };
  for (reports::ResultCase& one : result.cases) {
    std::erase_if(one.outcome.facts, unwanted);
    std::erase_if(one.outcome.labels, unwanted);
  }
}

void check_names(const reports::Result& result, const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const reports::ResultCase& one : result.cases) {
    for (const auto& [name, value] : one.outcome.facts) known.push_back(name);
    for (const auto& [name, value] : one.outcome.labels) known.push_back(name);
  }
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw UsageError("compare", fmt::format("--fact: no case has a fact '{}'{}", name,
                                              base::did_you_mean(name, known)));
    }
  }
}

enum class Shown { what_matters, everything };

// Every case's time, and whatever differs.
base::Table headline_rows(const base::Table& all) {
  base::Table table{.columns = all.columns, .rows = {}};
  for (const auto& row : all.rows) {
    const auto& fact = std::get<std::string>(row[1]);
    const auto& verdict = std::get<std::string>(row.back());
    if (verdict != "same" || fact == "time_s" || fact == "iteration_time_s")
      table.rows.push_back(row);
  }
  return table;
}

void print(const reports::Comparison& comparison, Shown shown, Format format, Console& console) {
  const reports::Result result = reports::to_result(comparison);
  if (format == Format::json) return print_result(result, format, console);
  const base::Table& keyed = result.cases.front().outcome.tables.at("comparison");
  if (format == Format::csv) return console.data(render(keyed, format));
  const base::Table all = reports::for_people(
      shown == Shown::everything ? keyed : headline_rows(keyed), comparison.fact_info);
  const reports::CompareOptions& options = comparison.options;
  console.data(fmt::format(
      "a: {}\nb: {}\n\n{}\n{} cases in both; {} of {} facts differ by more than {:.4g} %\n",
      options.name_a, options.name_b, render(all, format), comparison.matched_cases,
      comparison.differences, comparison.rows.size(), 100 * options.tolerance));
}

// The folder of --out stands for the result in it.
std::string result_in(const std::string& path) {
  std::error_code none;
  const std::filesystem::path inside = std::filesystem::path(path) / "result.json";
  return std::filesystem::is_regular_file(inside, none) ? inside.string() : path;
}

// A profile by path or name, where both arguments are that.
std::optional<calibration::KernelProfile> as_profile(const std::string& file) {
  if (file.ends_with(".json") || result_in(file) != file) return std::nullopt;
  return kernel_profile(file);
}

ExitCode compare_kernels(const calibration::KernelProfile& a, const calibration::KernelProfile& b,
                         double tolerance, Format format, Console& console) {
  const calibration::ProfileComparison found = calibration::compare_profiles(a, b);
  if (format == Format::table) {
    console.data(fmt::format("a: {}\nb: {}\n\npredictions on a common set of shapes\n{}\n", a.name,
                             b.name, render(found.predictions, format)));
    if (!found.only_in_one.rows.empty())
      console.data(fmt::format("only in one of them\n{}\n", render(found.only_in_one, format)));
    console.data(fmt::format(
        "parameters\n{}\n{} shapes in both; b / a: median {:.3f}, greatest difference {:.1f} %\n",
        render(found.parameters, format), found.compared, found.median_ratio,
        100 * found.greatest_difference));
  } else {
    reports::Result result;
    result.calibrations = {a.name, b.name};
    reports::ResultCase one;
    one.name = fmt::format("{} against {}", b.name, a.name);
    one.engine = "model";
    one.outcome.facts = {{"shapes", found.compared},
                         {"median_ratio", found.median_ratio},
                         {"greatest_difference", found.greatest_difference}};
    one.outcome.tables = {{"predictions", found.predictions},
                          {"parameters", found.parameters},
                          {"only_in_one", found.only_in_one}};
    result.cases.push_back(std::move(one));
    print_result(result, format, console);
  }
  return found.greatest_difference <= tolerance ? ExitCode::ok : ExitCode::not_met;
}

}  // namespace

ExitCode verb_compare(const Invocation& invocation) {
  std::vector<std::string> files;
  std::vector<std::string> facts;
  std::string tolerance;
  OutputFlags output;
  Arguments arguments("compare", "Two saved results side by side; ratio is B / A.");
  arguments.positional("A B", files, {.least = 2, .most = 2},
                       "results of run --out (the folder, or its result.json), or two kernel "
                       "profiles (.yaml, or names)");
  arguments.text("--tolerance", tolerance, "SHARE",
                 "exit 1 where a fact differs by more: 5% or 0.05 (default: rounding, 1e-9)");
  arguments.list("--fact", facts, "NAME", "compare only this fact; repeatable");
  output.add_to(arguments);
  arguments.parse(invocation.arguments);
  const double allowed = tolerance.empty() ? kRounding : parse_tolerance(tolerance);
  Console console = output.console();
  if (const auto first = as_profile(files[0])) {
    const auto second = as_profile(files[1]);
    if (!second)
      throw UsageError("compare",
                       fmt::format("{} is a kernel profile, {} is none", files[0], files[1]));
    return compare_kernels(*first, *second, allowed, output.format(), console);
  }
  for (std::string& file : files) file = result_in(file);
  reports::Result a = reports::read_json_file(files[0]);
  reports::Result b = reports::read_json_file(files[1]);
  check_names(a, facts);
  keep_facts(a, facts);
  keep_facts(b, facts);
  const reports::Comparison comparison =
      reports::compare(a, b, {.tolerance = allowed, .name_a = files[0], .name_b = files[1]});
  print(comparison, facts.empty() ? Shown::what_matters : Shown::everything, output.format(),
        console);
  if (comparison.same()) return ExitCode::ok;
  console.error(fmt::format("{} of {} facts differ by more than {:.4g} %", comparison.differences,
                            comparison.rows.size(), 100 * allowed));
  return ExitCode::not_met;
}

}  // namespace windtunnel::scenarios::cli

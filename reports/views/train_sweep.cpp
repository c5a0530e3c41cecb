#include "reports/views/train_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "reports/views/lookup.hpp"
#include "reports/views/train_charts.hpp"

namespace windtunnel::reports {
namespace {

// Those that no case has are left out.
constexpr std::array kColumns{"iteration_time_s",
                              "tokens_per_s",
                              "samples_per_s",
                              "goodput_tokens_per_s",
                              "mfu",
                              "all_stages_bubble_fraction",
                              "filled_fraction",
                              "imbalance_fraction",
                              "training_time_fraction",
                              "memory_total_bytes"};

// "tensor 4, pipeline 2": what varied says which case it is; else its name does.
class CaseNames {
 public:
  explicit CaseNames(const Result& result) : varying_(varying_parameters(result)) {}
  std::string operator()(const ResultCase& one) const {
    std::string name;
    for (const std::string& path : varying_) {
      name += fmt::format("{}{} {}", name.empty() ? "" : ", ", path.substr(path.rfind('.') + 1),
                          parameter_text(one, path));
    }
    return name.empty() ? one.name : name;
  }

 private:
  std::vector<std::string> varying_;
};

bool is_ok(const ResultCase& one) {
  return one.outcome.status == base::Status::ok && fact(one, "iteration_time_s").has_value();
}

// Fast or slow for its size: tokens a second, those that last where jobs fail, or samples where
// there are none.
std::string rate_name(const Result& result) {
  for (const char* name : {"goodput_tokens_per_s", "tokens_per_s"}) {
    const bool has = std::any_of(result.cases.begin(), result.cases.end(),
                                 [name](const auto& one) { return fact(one, name).has_value(); });
    if (has) return name;
  }
  return "samples_per_s";
}

bool counts_tokens(const std::string& rate) {
  return rate.ends_with("tokens_per_s");
}

const ResultCase* best_case(const Result& result, const std::string& rate) {
  const ResultCase* best = nullptr;
  for (const ResultCase& one : result.cases) {
    if (!is_ok(one)) continue;
    if (best == nullptr || fact(one, rate).value_or(0.0) > fact(*best, rate).value_or(0.0))
      best = &one;
  }
  return best;
}

std::string value_of(const ResultCase& one, const char* name, const Result& result) {
  const auto number = fact(one, name);
  if (!number) return "";
  const Unit unit = unit_of(name, result.fact_info);
  if (unit == Unit::bytes) return memory_text(*number);
  // No bubble at all is a difference of equal sums.
  const bool rounding = unit == Unit::fraction && std::abs(*number) < 1e-9;
  return value_text(rounding ? 0.0 : *number, unit);
}

const base::Band* time_band(const ResultCase& one) {
  const auto band = one.outcome.bands.find("iteration_time_s");
  return band == one.outcome.bands.end() ? nullptr : &band->second;
}

// The next best by the rate, and how far it is behind.
struct RunnerUp {
  const ResultCase* one = nullptr;
  double behind = 0.0;  // share of the best rate
};

RunnerUp runner_up(const Result& result, const ResultCase& best, const std::string& rate) {
  RunnerUp out;
  double second = 0.0;
  for (const ResultCase& one : result.cases) {
    if (&one == &best || !is_ok(one)) continue;
    const double own = fact(one, rate).value_or(0.0);
    if (own > second) second = own, out.one = &one;
  }
  if (out.one != nullptr) out.behind = 1.0 - second / fact(best, rate).value_or(second);
  return out;
}

// A lead smaller than the band of the best is none to rely on, although errors of cases on one cluster
// go together.
bool is_within_band(const ResultCase& best, double behind) {
  const base::Band* band = time_band(best);
  const auto time = fact(best, "iteration_time_s");
  return band != nullptr && time && behind < band->high / *time - 1.0;
}

// Notes wrap where cells would be cut.
void add_reasons(const Result& result, const CaseNames& names, ViewTable& view) {
  constexpr std::size_t kMost = 12;
  std::size_t more = 0;
  for (const ResultCase& one : result.cases) {
    if (one.outcome.status == base::Status::ok) continue;
    if (view.notes.size() <= kMost) {
      view.notes.push_back(fmt::format("{}: {}", names(one), one.outcome.reason));
    } else {
      ++more;
    }
  }
  if (more > 0)
    view.notes.push_back(
        fmt::format("{} cannot run; result.csv says why.", counted(more, "more case")));
}

bool is_time(std::string_view fact_name) {
  return fact_name == "iteration_time_s";
}

// One row a case: what varied, how it went, the main facts; in the order of the scenario.
ViewTable case_table(const Result& result, const ResultCase* best, const std::string& rate) {
  const CaseNames names(result);
  const auto varying = varying_parameters(result);
  std::vector<const char*> facts;
  for (const char* name : kColumns) {
    const bool other_rate = counts_tokens(rate) && std::string_view(name) == "samples_per_s";
    const bool any = std::any_of(result.cases.begin(), result.cases.end(),
                                 [&](const auto& one) { return fact(one, name).has_value(); });
    if (any && !other_rate) facts.push_back(name);
  }
  ViewTable view;
  const bool names_only = varying.empty();
  if (names_only) view.columns.push_back({"case", "", Align::left});
  for (const std::string& path : varying)
    view.columns.push_back({path.substr(path.rfind('.') + 1), ""});
  view.key_columns = view.columns.size();
  view.columns.push_back({"status", "", Align::left});
  const bool bands = std::any_of(result.cases.begin(), result.cases.end(), time_band);
  for (const char* name : facts) {
    view.columns.push_back({title_of(name, result.fact_info), ""});
    if (bands && is_time(name)) view.columns.push_back({"band", ""});
  }
  for (const ResultCase& one : result.cases) {
    const bool ok = one.outcome.status == base::Status::ok;
    std::vector<ViewCell> row;
    if (names_only) row.push_back({one.name});
    for (const std::string& path : varying) row.push_back({parameter_text(one, path)});
    row.push_back({ok && is_at_limit(one) ? std::string("at the limit")
                                          : std::string(base::to_text(one.outcome.status)),
                   ok ? Mark::muted : Mark::bad});
    for (const char* name : facts) {
      const bool is_best = &one == best && std::string_view(name) == rate;
      row.push_back({value_of(one, name, result), is_best ? Mark::best
                                                  : ok    ? Mark::none
                                                          : Mark::muted});
      if (!bands || !is_time(name)) continue;
      const base::Band* band = time_band(one);
      const auto time = fact(one, name);
      row.push_back({band != nullptr && time ? band_text(*time, *band) : "", Mark::muted});
    }
    view.rows.push_back(std::move(row));
  }
  if (best != nullptr)
    view.notes.push_back(fmt::format("* most {}: {}.",
                                     counts_tokens(rate) ? "tokens a second" : "samples a second",
                                     names(*best)));
  if (auto note = band_note(result)) view.notes.push_back(*std::move(note));
  if (std::any_of(result.cases.begin(), result.cases.end(), is_at_limit))
    view.notes.emplace_back(kAtLimit);
  add_reasons(result, names, view);
  return view;
}

// Why cases are no cases; one reason of many is said once.
ViewTable reasons_table(const Result& result) {
  ViewTable view;
  view.title = "Cases that cannot run";
  view.detail = Detail::full;  // a terminal would cut the reasons: there they are notes
  view.columns = {
      {"case", "", Align::left}, {"status", "", Align::left}, {"reason", "", Align::left}};
  for (const ResultCase& one : result.cases) {
    if (one.outcome.status == base::Status::ok) continue;
    view.rows.push_back(
        {{one.name}, {std::string(base::to_text(one.outcome.status))}, {one.outcome.reason}});
  }
  return view;
}

std::string best_sentence(const Result& result, const ResultCase& best, const std::string& rate) {
  std::string text = fmt::format("Fastest: {} with {} {} a second", CaseNames(result)(best),
                                 count_text(fact(best, rate).value_or(NAN)),
                                 counts_tokens(rate) ? "tokens" : "samples");
  text +=
      fmt::format(", {} an iteration", value_text(*fact(best, "iteration_time_s"), Unit::seconds));
  if (const auto mfu = fact(best, "mfu"))
    text += fmt::format(", {} of the peak (MFU)", value_text(*mfu, Unit::fraction));
  const RunnerUp next = runner_up(result, best, rate);
  if (next.one != nullptr && is_within_band(best, next.behind)) {
    text += fmt::format("; the lead of {} over {} is smaller than the error band",
                        value_text(next.behind, Unit::fraction), CaseNames(result)(*next.one));
  }
  return text + ".";
}

}  // namespace

void add_training_sweep(const Result& result, View& view) {
  const std::string rate = rate_name(result);
  const ResultCase* best = best_case(result, rate);
  const CaseNames names(result);
  std::vector<NamedCase> ok;
  std::vector<NamedCase> with_memory;
  for (const ResultCase& one : result.cases) {
    if (is_ok(one)) ok.push_back({&one, names(one)});
    if (fact(one, "memory_total_bytes")) with_memory.push_back({&one, names(one)});
  }
  Section section{"cases", "Cases", {}, {}, {}};
  if (best != nullptr) {
    view.summary.push_back(best_sentence(result, *best, rate));
  } else {
    view.summary.emplace_back("No case can run.");
  }
  if (ok.size() < result.cases.size())
    view.summary.push_back(fmt::format("{} of {} cannot run.", result.cases.size() - ok.size(),
                                       counted(result.cases.size(), "case")));
  if (auto chart = sweep_chart(result, rate)) section.charts.emplace_back(std::move(*chart));
  if (auto chart = case_times_chart(ok)) section.charts.emplace_back(std::move(*chart));
  if (auto chart = case_memory_chart(with_memory)) section.charts.emplace_back(std::move(*chart));
  if (std::max(ok.size(), with_memory.size()) > kMostBars)
    section.paragraphs.push_back(fmt::format("Bars are drawn for the first {} cases.", kMostBars));
  section.tables.push_back(case_table(result, best, rate));
  ViewTable reasons = reasons_table(result);
  if (!reasons.rows.empty()) section.tables.push_back(std::move(reasons));
  view.sections.push_back(std::move(section));
}

}  // namespace windtunnel::reports

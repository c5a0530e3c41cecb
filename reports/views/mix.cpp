#include "reports/views/mix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <variant>

#include "reports/views/lookup.hpp"
#include "reports/views/mix_charts.hpp"
#include "reports/views/serve.hpp"
#include "reports/views/train.hpp"
#include "reports/views/train_charts.hpp"

namespace windtunnel::reports {
namespace {

// Names of the jobs in the order of the scenario, as the tables of the cases have it.
std::vector<std::string> jobs_of(const Result& result) {
  std::vector<std::string> names;
  for (const ResultCase& one : result.cases) {
    const base::Table* jobs = table(one, "jobs");
    if (jobs == nullptr) continue;
    const TableReader rows(*jobs);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string name = rows.word(i, "job");
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

// --- one mix ------------------------------------------------------------------------------------

void add_summary(const ResultCase& one, const std::vector<std::string>& jobs, View& view) {
  if (one.outcome.status != base::Status::ok)
    view.summary.push_back(
        fmt::format("{}: {}.", base::to_text(one.outcome.status), one.outcome.reason));
  std::vector<std::string> words;
  for (const std::string& job : jobs) {
    const auto slowdown = fact(one, job + ".slowdown");
    if (!slowdown) continue;
    words.push_back(*slowdown == 1.0 ? fmt::format("{} as long as alone", job)
                                     : fmt::format("{} {:.3f} times as long", job, *slowdown));
  }
  if (words.empty()) return;
  const double links = fact(one, "shared_links").value_or(0.0);
  const std::string shared =
      links == 0.0 ? std::string("They share no link")
                   : fmt::format(
                         "They share {:.0f} links; the busiest, {}, carries {} of what it "
                         "could",
                         links, label(one, "busiest_shared_link"),
                         value_text(fact(one, "shared_link_peak").value_or(0.0), Unit::fraction));
  view.summary.push_back(fmt::format("With the others, {}. {}.", joined(words), shared));
}

void add_headline(const ResultCase& one, const std::vector<std::string>& jobs, View& view) {
  for (const std::string& job : jobs) {
    const auto slowdown = fact(one, job + ".slowdown");
    if (!slowdown) continue;
    const auto iteration = fact(one, job + ".iteration_time_s");
    const auto latency = fact(one, job + ".e2e_mean_s");
    const std::string note = iteration ? "iteration " + value_text(*iteration, Unit::seconds)
                             : latency ? "mean e2e " + value_text(*latency, Unit::seconds)
                                       : "";
    view.headline.push_back({job + " against alone", times_text(*slowdown), note});
  }
}

// The result as if a job were alone in it: its facts and tables under their own names.
Result alone_with(const Result& result, const ResultCase& one, const std::string& job) {
  const std::string prefix = job + ".";
  Result out = result;
  out.tables.clear();
  out.warnings.clear();
  for (const auto& [name, info] : result.fact_info) {
    if (!name.starts_with(prefix)) continue;
    base::FactInfo own = info;
    if (own.name.starts_with(job + ": ")) own.name.erase(0, job.size() + 2);
    out.fact_info[name.substr(prefix.size())] = std::move(own);
  }
  ResultCase only = one;
  only.outcome = base::Outcome{};
  only.name = job;
  const auto take = [&prefix](const auto& from, auto& to) {
    for (const auto& [name, value] : from) {
      if (name.starts_with(prefix)) to.emplace(name.substr(prefix.size()), value);
    }
  };
  take(one.outcome.facts, only.outcome.facts);
  take(one.outcome.labels, only.outcome.labels);
  take(one.outcome.bands, only.outcome.bands);
  take(one.outcome.rests_on, only.outcome.rests_on);
  take(one.outcome.tables, only.outcome.tables);
  out.cases = {std::move(only)};
  return out;
}

void add_job(const Result& result, const ResultCase& one, const std::string& job, View& view) {
  const Result alone = alone_with(result, one, job);
  View own;
  if (is_training(alone)) {
    add_training(alone, own);
  } else if (is_serving(alone)) {
    add_serving(alone, own);
  }
  for (Section& section : own.sections) {
    section.id = job + "-" + section.id;
    section.title = fmt::format("{}: {}", job, section.title);
    for (Chart& chart : section.charts)
      std::visit([&job](auto& drawn) { drawn.id = job + "-" + drawn.id; }, chart);
    for (ViewTable& table : section.tables) table.detail = Detail::full;
    view.sections.push_back(std::move(section));
  }
}

void add_one(const Result& result, const ResultCase& one, View& view) {
  const std::vector<std::string> jobs = jobs_of(result);
  add_summary(one, jobs, view);
  add_headline(one, jobs, view);
  if (const base::Table* rows = table(one, "jobs"); rows && !rows->rows.empty()) {
    Section section{"jobs", "Alone and with the others", {}, {}, {}};
    section.paragraphs.emplace_back(
        "Each job ran with all others, and alone on the same links. Slowdown is mean iteration "
        "time (training) or mean end-to-end latency (serving), with the others over alone. "
        "Training is measured over the iterations that lie wholly in the time in which all jobs "
        "run, serving over all its requests.");
    section.tables.push_back(jobs_table(*rows, result));
    if (const base::Table* iterations = table(one, "iterations"))
      section.charts.emplace_back(iterations_chart(*iterations));
    view.sections.push_back(std::move(section));
  }
  if (const base::Table* links = table(one, "shared_links"); links && !links->rows.empty()) {
    Section section{"shared-links", "Shared links", {}, {}, {}};
    section.paragraphs.emplace_back(
        "Links that carry bytes of two jobs and more: use is bytes over what the link could carry "
        "while the mix lasted, busy the share of that time with transfers of any job, shared that "
        "with transfers of several.");
    section.charts.emplace_back(links_chart(*links, jobs, fact(one, "makespan_s").value_or(1.0)));
    section.tables.push_back(links_table(*links, jobs));
    view.sections.push_back(std::move(section));
  }
  for (const std::string& job : jobs) add_job(result, one, job, view);
}

// --- several ------------------------------------------------------------------------------------

void add_sweep(const Result& result, View& view) {
  const std::vector<std::string> jobs = jobs_of(result);
  ViewTable shown;
  shown.columns = {{"case", "", Align::left}};
  for (const std::string& job : jobs) shown.columns.push_back({job, "slowdown"});
  shown.columns.push_back({"shared links", ""});
  shown.columns.push_back({"busiest", ""});
  for (const ResultCase& one : result.cases) {
    std::vector<ViewCell> row{{one.name}};
    for (const std::string& job : jobs) {
      const auto slowdown = fact(one, job + ".slowdown");
      row.push_back({slowdown ? times_text(*slowdown) : std::string(to_text(one.outcome.status))});
    }
    const auto links = fact(one, "shared_links"), peak = fact(one, "shared_link_peak");
    row.push_back({links ? fmt::format("{:.0f}", *links) : ""});
    row.push_back({peak ? value_text(*peak, Unit::fraction) : ""});
    shown.rows.push_back(std::move(row));
  }
  Section section{"slowdowns", "Slowdowns", {}, {}, {std::move(shown)}};
  for (const std::string& job : jobs) {
    if (auto chart = sweep_chart(result, job + ".slowdown")) {
      chart->id = job + "-" + chart->id;
      section.charts.emplace_back(std::move(*chart));
    }
  }
  view.sections.push_back(std::move(section));
}

}  // namespace

bool is_mix(const Result& result) {
  return std::any_of(result.cases.begin(), result.cases.end(), [](const ResultCase& one) {
    return fact(one, "jobs").has_value() && fact(one, "shared_links").has_value();
  });
}

void add_mix(const Result& result, View& view) {
  if (result.cases.size() == 1) {
    add_one(result, result.cases.front(), view);
  } else {
    add_sweep(result, view);
  }
}

bool shown_by_mix(const Result& result, const std::string& name) {
  if (!is_mix(result)) return false;
  return name == "jobs" || name == "shared_links" || name == "iterations" ||
         name.find('.') != std::string::npos;
}

}  // namespace windtunnel::reports

#include "reports/views/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "reports/views/lookup.hpp"
#include "reports/views/plan_charts.hpp"

namespace windtunnel::reports {
namespace {

constexpr std::size_t kMostRanked = 50;
constexpr std::size_t kMostFront = 100;
constexpr std::size_t kMostReasons = 40;

// Shown of a ranked case where it has them, beside what the search names.
constexpr std::array kUsual{"iteration_time_s",   "mfu",
                            "memory_total_bytes", "gpus",
                            "replicas",           "output_tokens_per_s_per_gpu",
                            "ttft_p99_s",         "tpot_p99_s",
                            "slo_attainment"};

const base::Table* plan_table(const Result& result, const std::string& name) {
  const auto found = result.plan->tables.find(name);
  return found == result.plan->tables.end() || found->second.rows.empty() ? nullptr
                                                                          : &found->second;
}

double plan_fact(const Result& result, const std::string& name) {
  const auto found = result.plan->facts.find(name);
  return found == result.plan->facts.end() ? 0.0 : found->second;
}

std::string word(const Result& result, const std::string& name) {
  const auto found = result.plan->words.find(name);
  return found == result.plan->words.end() ? "" : found->second;
}

std::string text_of(const Result& result, const std::string& fact, double value) {
  return value_text(value, unit_of(fact, result.fact_info));
}

class PlanView {
 public:
  PlanView(const Result& result, View& view)
      : result_(result), view_(view), objective_(word(result, "objective")) {
    for (const ResultCase& one : result.cases) {
      if (one.outcome.status == base::Status::ok) kept_.push_back(&one);
    }
  }

  void add(AddView details) {
    summary();
    if (!is_single()) {
      headline();
      ranked();
      front();
      choices();
    }
    ruled_out();
    if (!kept_.empty() || is_single()) in_full(details);
  }

 private:
  // Nothing was varied: the search is within one design.
  bool is_single() const { return result_.plan->varied.empty() && result_.cases.size() == 1; }

  void summary() {
    const auto count = [&](const char* name) {
      return fmt::format("{:.0f}", plan_fact(result_, name));
    };
    if (is_single()) {
      const auto best = fact(result_.cases.front(), objective_);
      if (best) {
        view_.summary.push_back(
            fmt::format("{}: {} ({} simulations).", title_of(objective_, result_.fact_info),
                        text_of(result_, objective_, *best), count("simulations")));
      }
      return;
    }
    std::string text = fmt::format("{} candidates: {} costed, {} infeasible", count("candidates"),
                                   count("evaluated"), count("infeasible"));
    if (plan_fact(result_, "pruned") > 0) {
      text += fmt::format(", {} ruled out before they were costed", count("pruned"));
    }
    if (plan_fact(result_, "ruled_out") > 0) {
      text += fmt::format("; {} of the costed break a constraint", count("ruled_out"));
    }
    if (plan_fact(result_, "unfinished") > 0) {
      text += fmt::format("; {} were not finished", count("unfinished"));
    }
    view_.summary.push_back(text + ".");
    view_.provenance.push_back(
        {"search",
         fmt::format("{} in {}", count("evaluated"),
                     value_text(plan_fact(result_, "wall_s"), Unit::seconds)),
         fmt::format("{} evaluations/s",
                     value_text(plan_fact(result_, "evaluations_per_s"), Unit::plain))});
    if (kept_.empty()) {
      view_.summary.push_back("No candidate is left; the tables say why.");
      return;
    }
    view_.summary.push_back(fmt::format("Best: {}.", name_of(*kept_.front())));
    second_best();
    said_of_fields();
  }

  // What the search chose, and what it took as it stands in the scenario.
  void said_of_fields() {
    const std::string held = word(result_, "held");
    if (held.empty()) return;
    std::string varied;
    for (const std::string& path : result_.plan->varied) {
      varied += (varied.empty() ? "" : ", ") + path.substr(path.rfind('.') + 1);
    }
    view_.summary.push_back(fmt::format("Varied: {}. Held as the scenario has them: {}.",
                                        varied.empty() ? "nothing" : varied, held));
  }

  void second_best() {
    if (kept_.size() < 2) return;
    const auto best = fact(*kept_.front(), objective_), next = fact(*kept_[1], objective_);
    if (!best || !next || *best == 0) return;
    const double behind = std::abs(*next / *best - 1);
    view_.summary.push_back(
        behind < 1e-9 ? fmt::format("The next ({}) is equal in {}.", name_of(*kept_[1]), title())
                      : fmt::format("The next is {} {}: {}.", value_text(behind, Unit::fraction),
                                    word(result_, "better") == "lower" ? "above it" : "below it",
                                    name_of(*kept_[1])));
  }

  std::string title() const { return title_of(objective_, result_.fact_info); }

  // What was varied, and what the search found beside it.
  std::vector<std::string> paths() const {
    std::vector<std::string> out = result_.plan->varied;
    if (kept_.empty()) return out;
    for (const auto& [path, value] : kept_.front()->parameters) {
      const bool found =
          path == "strategy.replicas" && std::find(out.begin(), out.end(), path) == out.end();
      if (found) out.push_back(path);
    }
    return out;
  }

  // With the values that are as good.
  std::string choice_text(const ResultCase& one, const std::string& path) const {
    const base::Table* twins = plan_table(result_, "twins");
    const auto place = static_cast<double>(&one - result_.cases.data() + 1);
    if (twins == nullptr) return parameter_text(one, path);
    const TableReader rows(*twins);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      if (rows.number(r, "place") == place && rows.word(r, "path") == path) {
        return rows.word(r, "values");
      }
    }
    return parameter_text(one, path);
  }

  std::string name_of(const ResultCase& one) const {
    std::string out;
    for (const std::string& path : paths()) {
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", path.substr(path.rfind('.') + 1),
                         choice_text(one, path));
    }
    return out.empty() ? one.name : out;
  }

  std::vector<std::string> facts() const {
    std::vector<std::string> out{objective_};
    const auto more = [&](const std::string& name) {
      const bool any = std::any_of(kept_.begin(), kept_.end(), [&](const ResultCase* one) {
        return fact(*one, name).has_value();
      });
      if (any && std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
    };
    for (const std::string& goal : result_.plan->goals) more(goal);
    for (const char* usual : kUsual) {
      // Replicas are among the parameters.
      if (std::string_view(usual) != "replicas") more(usual);
    }
    return out;
  }

  void headline() {
    if (kept_.empty()) return;
    for (const std::string& name : facts()) {
      const auto value = fact(*kept_.front(), name);
      if (!value) continue;
      const auto band = kept_.front()->outcome.bands.find(name);
      const std::string note = band != kept_.front()->outcome.bands.end()
                                   ? band_text(*value, band->second)
                                   : std::string();
      view_.headline.push_back(
          {title_of(name, result_.fact_info), text_of(result_, name, *value), note});
    }
  }

  void ranked() {
    if (kept_.empty()) return;
    ViewTable table;
    table.columns.push_back({"place", ""});
    for (const std::string& path : paths()) {
      table.columns.push_back({path.substr(path.rfind('.') + 1), ""});
    }
    const std::vector<std::string> names = facts();
    for (const std::string& name : names) {
      table.columns.push_back({title_of(name, result_.fact_info), ""});
    }
    for (std::size_t i = 0; i < std::min(kMostRanked, kept_.size()); ++i) {
      std::vector<ViewCell> row{{fmt::format("{}", i + 1)}};
      for (const std::string& path : paths()) row.push_back({choice_text(*kept_[i], path)});
      for (const std::string& name : names) {
        const auto value = fact(*kept_[i], name);
        row.push_back({value ? text_of(result_, name, *value) : ""});
        if (name == "memory_total_bytes" && is_at_limit(*kept_[i])) row.back().text += " †";
        if (i == 0 && name == objective_) row.back().mark = Mark::best;
      }
      table.rows.push_back(std::move(row));
    }
    if (std::any_of(kept_.begin(), kept_.end(),
                    [](const ResultCase* one) { return is_at_limit(*one); })) {
      table.notes.push_back(fmt::format("† {}.", kAtLimit));
    }
    if (kept_.size() > kMostRanked) {
      table.notes.push_back(fmt::format("{} follow in result.csv.",
                                        counted(kept_.size() - kMostRanked, "more case")));
    }
    view_.sections.push_back({"ranked", "Best candidates", {}, {}, {std::move(table)}});
  }

  void front() {
    const base::Table* rows = plan_table(result_, "pareto");
    if (rows == nullptr) return;
    std::vector<std::string> titles;
    for (const std::string& goal : result_.plan->goals) {
      titles.push_back(title_of(goal, result_.fact_info));
    }
    Section section{"pareto",
                    "Pareto front",
                    {fmt::format("Of the {} on the front none is better than another in all of {}.",
                                 counted(rows->rows.size(), "candidate"), joined(titles))},
                    {},
                    {}};
    if (auto chart = search_front_chart(result_)) section.charts.emplace_back(std::move(*chart));
    section.tables.push_back(shown(*rows, kMostFront));
    section.tables.back().key_columns = result_.plan->varied.size();
    view_.sections.push_back(std::move(section));
  }

  // The table with last names of paths; 1 of `chosen` as a word.
  ViewTable shown(const base::Table& rows, std::size_t most) const {
    ViewTable table = table_view(rows, result_, most);
    for (std::size_t c = 0; c < rows.columns.size(); ++c) {
      const std::string& path = rows.columns[c];
      const auto& varied = result_.plan->varied;
      if (std::find(varied.begin(), varied.end(), path) != varied.end()) {
        table.columns[c].title = path.substr(path.rfind('.') + 1);
        table.columns[c].align = Align::right;
      }
      if (path != "chosen") continue;
      for (auto& row : table.rows) {
        const bool chosen = row[c].text == "1";
        row[c] = {chosen ? "chosen" : "", chosen ? Mark::best : Mark::none};
      }
    }
    return table;
  }

  void choices() {
    const base::Table* rows = plan_table(result_, "choices");
    if (rows == nullptr || result_.plan->varied.empty()) return;
    ViewTable table = table_view(*rows, result_);
    const auto at = [&](const char* name) {
      return static_cast<std::size_t>(std::find(rows->columns.begin(), rows->columns.end(), name) -
                                      rows->columns.begin());
    };
    const TableReader reader(*rows);
    const std::size_t behind = at("behind"), path = at("path");
    table.columns[behind].title = "behind the best";
    table.columns[path].title = "choice";
    table.columns[at(objective_.c_str())].title = "best " + title();
    std::string before;
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      const double share = reader.number(r, "behind");
      table.rows[r][behind].text = !std::isfinite(share) ? ""
                                   : share == 0          ? "-"
                                                         : value_text(share, Unit::fraction);
      if (share == 0) table.rows[r][behind].mark = Mark::best;
      if (reader.number(r, "kept") == 0) table.rows[r][behind] = {"none is left", Mark::bad};
      if (table.rows[r][path].text == before) {
        table.rows[r][path].text.clear();
      } else {
        before = table.rows[r][path].text;
      }
    }
    table.key_columns = 2;
    view_.sections.push_back(
        {"choices",
         "What each choice is worth",
         {"For each value the best that can be had with it, all else chosen anew."},
         {},
         {std::move(table)}});
  }

  void ruled_out() {
    if (is_single()) return;
    Section section{"ruled-out", "Why the rest was ruled out", {}, {}, {}};
    reasons("ruled_out", "Constraints", {"reason", "candidates", "nearest", "example"}, section);
    // The sentence of an example says more than what such sentences have in common.
    reasons("infeasible", "Infeasible", {"candidates", "example", "sentence"}, section);
    if (!section.tables.empty()) view_.sections.push_back(std::move(section));
  }

  void reasons(const std::string& name, const std::string& title,
               std::initializer_list<const char*> columns, Section& section) const {
    const base::Table* rows = plan_table(result_, name);
    if (rows == nullptr) return;
    ViewTable table;
    table.title = title;
    for (const char* column : columns) {
      const std::string_view word(column);
      table.columns.push_back({word == "example"    ? "for example"
                               : word == "sentence" ? "reason"
                                                    : column,
                               "", word == "candidates" ? Align::right : Align::left});
    }
    const TableReader reader(*rows);
    for (std::size_t r = 0; r < std::min(kMostReasons, reader.size()); ++r) {
      std::vector<ViewCell> row;
      for (const char* column : columns) row.push_back({reader.word(r, column)});
      table.rows.push_back(std::move(row));
    }
    section.tables.push_back(std::move(table));
  }

  void in_full(AddView details) {
    Result one;
    one.scenarios = result_.scenarios;
    one.seed = result_.seed;
    one.fact_info = result_.fact_info;
    one.cases.push_back(kept_.empty() ? result_.cases.front() : *kept_.front());
    if (is_single()) return details(one, view_);
    View best;
    details(one, best);
    for (Section& section : best.sections) {
      section.id = "best-" + section.id;
      section.title = "The best: " + section.title;
      // A terminal has the ranked table; `run` shows one design.
      for (ViewTable& table : section.tables) table.detail = Detail::full;
      view_.sections.push_back(std::move(section));
    }
  }

  const Result& result_;
  View& view_;
  std::string objective_;
  std::vector<const ResultCase*> kept_;
};

}  // namespace

bool is_plan(const Result& result) {
  return result.plan.has_value();
}

void add_plan(const Result& result, View& view, AddView details) {
  PlanView(result, view).add(details);
}

}  // namespace windtunnel::reports

// How a search went, as facts and tables.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "reports/unit.hpp"
#include "scenarios/document/write.hpp"
#include "scenarios/known_facts.hpp"
#include "scenarios/search/ranking.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Cell;
using base::Table;

constexpr std::size_t kMostRows = 5000;  // of the table `candidates`

std::string text_of(const std::string& fact, double value) {
  static const std::map<std::string, base::FactInfo> kKnown = [] {
    std::map<std::string, base::FactInfo> all = facts_of_all_workloads();
    all.insert(facts_of_search("serve").begin(), facts_of_search("serve").end());
    return all;
  }();
  return reports::value_text(value, reports::unit_of(fact, kKnown));
}

class RecordWriter {
 public:
  explicit RecordWriter(const RankedSearch& ranked)
      : space_(ranked.space),
        all_(ranked.all),
        search_(ranked.search),
        objective_(ranked.objective),
        ranking_(ranked.ranking),
        more_facts_(ranked.more_facts) {}

  reports::PlanRecord write() {
    counts();
    record_.words["objective"] = objective_.fact;
    record_.words["better"] = objective_.better == Better::lower ? "lower" : "higher";
    for (const SearchAxis& one : space_.axes()) {
      record_.varied.insert(record_.varied.end(), one.axis.written.begin(), one.axis.written.end());
    }
    for (const FactGoal& goal : search_.pareto) record_.goals.push_back(goal.fact);
    add("infeasible", reasons(Fate::infeasible));
    add("ruled_out", ruled_out());
    add("choices", choices());
    add("twins", twins());
    add("candidates", candidates());
    add("pareto", front());
    return std::move(record_);
  }

 private:
  void add(const std::string& name, Table table) {
    if (!table.rows.empty()) record_.tables[name] = std::move(table);
  }

  void counts() {
    std::map<Fate, std::int64_t> fates;
    std::int64_t simulations = 0, ruled = 0;
    for (const Judged& one : all_) {
      if (!one.done) continue;
      ++fates[one.verdict.fate];
      if (one.verdict.fate == Fate::evaluated) simulations += one.verdict.simulations;
      if (one.evaluated() && !one.kept()) ++ruled;
    }
    const auto fact = [&](const char* name, std::int64_t value) {
      record_.facts[name] = static_cast<double>(value);
    };
    fact("candidates", static_cast<std::int64_t>(all_.size()));
    fact("evaluated", fates[Fate::evaluated]);
    fact("pruned", fates[Fate::pruned]);
    fact("infeasible", fates[Fate::infeasible]);
    fact("ruled_out", ruled);
    fact("simulations", simulations);
    if (fates[Fate::failed] > 0) fact("failed", fates[Fate::failed]);
    if (!search_.pareto.empty()) {
      fact("front", static_cast<std::int64_t>(ranking_.front.size()));
    }
    const auto unfinished =
        std::count_if(all_.begin(), all_.end(), [](const Judged& one) { return !one.done; });
    if (unfinished > 0) fact("unfinished", unfinished);
  }

  std::string parameters(const Judged& one) const {
    std::string out;
    for (const auto& [path, value] : space_.parameters(one.candidate)) {
      out += fmt::format("{}{}={}", out.empty() ? "" : " ", path, value);
    }
    return out;
  }

  // Alike reasons, the most frequent first.
  struct Reason {
    std::int64_t candidates = 0;
    const Judged* example = nullptr;
    const Judged* nearest = nullptr;
    double distance = 0;
  };
  static std::vector<std::pair<std::string, Reason>> sorted(std::map<std::string, Reason> found) {
    std::vector<std::pair<std::string, Reason>> out(found.begin(), found.end());
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
      return a.second.candidates > b.second.candidates;
    });
    return out;
  }

  Table reasons(Fate fate) const {
    std::map<std::string, Reason> found;
    for (const Judged& one : all_) {
      if (!one.done || one.verdict.fate != fate) continue;
      Reason& reason = found[generic_reason(one.verdict.reason)];
      ++reason.candidates;
      if (reason.example == nullptr) reason.example = &one;
    }
    Table table{{"reason", "candidates", "example", "sentence"}, {}};
    for (const auto& [text, reason] : sorted(std::move(found))) {
      table.rows.push_back(
          {text, reason.candidates, parameters(*reason.example), reason.example->verdict.reason});
    }
    return table;
  }

  const FactConstraint* constraint(const std::string& text) const {
    for (const FactConstraint& one : search_.constraints) {
      if (one.text == text) return &one;
    }
    return nullptr;
  }

  // What was costed and does not count, and what was not worth costing.
  Table ruled_out() const {
    std::map<std::string, Reason> found;
    for (const Judged& one : all_) {
      const bool pruned = one.done && one.verdict.fate == Fate::pruned;
      if (!pruned && (!one.evaluated() || one.kept())) continue;
      const std::string& why = pruned ? one.verdict.reason : one.ruled_out;
      const FactConstraint* broken = constraint(why);
      Reason& reason = found[why];
      ++reason.candidates;
      if (reason.example == nullptr) reason.example = &one;
      const double value = broken != nullptr ? one.fact(broken->fact) : one.fact("slo_attainment");
      if (!std::isfinite(value)) continue;
      const double distance =
          broken != nullptr ? std::abs(value - broken->limit) : std::abs(1 - value);
      if (reason.nearest == nullptr || distance < reason.distance) {
        reason.nearest = &one;
        reason.distance = distance;
      }
    }
    Table table{{"reason", "candidates", "nearest", "example"}, {}};
    for (const auto& [text, reason] : sorted(std::move(found))) {
      const FactConstraint* broken = constraint(text);
      const std::string fact = broken != nullptr ? broken->fact : "slo_attainment";
      Cell nearest;
      if (reason.nearest != nullptr) nearest = text_of(fact, reason.nearest->fact(fact));
      const Judged& shown = reason.nearest != nullptr ? *reason.nearest : *reason.example;
      table.rows.push_back({text, reason.candidates, std::move(nearest), parameters(shown)});
    }
    return table;
  }

  // For each value of each axis the best that can be had with it.
  Table choices() const {
    Table table{{"path", "value", "candidates", "kept", objective_.fact, "behind"}, {}};
    if (ranking_.best.empty()) return table;
    const double best = all_[ranking_.best.front()].fact(objective_.fact);
    for (std::size_t a = 0; a < space_.axes().size(); ++a) {
      const Axis& axis = space_.axes()[a].axis;
      std::vector<std::int64_t> all(axis.rows.size()), kept(axis.rows.size());
      std::vector<double> top(axis.rows.size(), std::nan(""));
      for (const Judged& one : all_) ++all[space_.row(one.candidate, a)];
      for (const std::size_t i : ranking_.best) {
        const std::size_t row = space_.row(all_[i].candidate, a);
        if (kept[row]++ == 0) top[row] = all_[i].fact(objective_.fact);
      }
      for (std::size_t r = 0; r < axis.rows.size(); ++r) {
        Cell value, behind;
        if (kept[r] > 0) {
          value = top[r];
          if (best != 0) behind = std::abs(top[r] / best - 1);
        }
        table.rows.push_back({fmt::format("{}", fmt::join(axis.written, ", ")),
                              value_of(axis.rows[r]), all[r], kept[r], value, behind});
      }
    }
    return table;
  }

  // Values that are as good as the shown one, by place in the ranking.
  Table twins() const {
    Table table{{"place", "path", "values"}, {}};
    const RankedSearch ranked{space_, all_, search_, objective_, ranking_};
    std::int64_t place = 0;
    for (const RankedLine& line : ranked_lines(ranked, static_cast<std::size_t>(search_.top))) {
      ++place;
      if (!line.axis) continue;
      const Axis& axis = space_.axes()[*line.axis].axis;
      std::string values;
      for (const std::size_t row : line.rows) {
        values += (values.empty() ? "" : " or ") + value_of(axis.rows[row]);
      }
      table.rows.push_back({place, fmt::format("{}", fmt::join(axis.written, ", ")), values});
    }
    return table;
  }

  static std::string value_of(const std::vector<Node>& row) {
    std::string out;
    for (const Node& node : row) out += (out.empty() ? "" : ", ") + value_text(node);
    return out;
  }

  std::vector<std::string> shown_facts() const {
    std::vector<std::string> out{objective_.fact};
    const auto add = [&](const std::string& fact) {
      if (std::find(out.begin(), out.end(), fact) == out.end()) out.push_back(fact);
    };
    for (const FactGoal& goal : search_.pareto) add(goal.fact);
    for (const FactConstraint& one : search_.constraints) add(one.fact);
    for (const std::string& one : more_facts_) add(one);
    return out;
  }

  std::vector<Cell> row_of(const Judged& one) const {
    std::vector<Cell> row;
    for (const auto& [path, value] : space_.parameters(one.candidate)) row.emplace_back(value);
    for (const std::string& fact : shown_facts()) {
      row.emplace_back();
      if (std::isfinite(one.fact(fact))) row.back() = one.fact(fact);
    }
    return row;
  }

  std::vector<std::string> columns(std::initializer_list<const char*> more) const {
    std::vector<std::string> out = record_.varied;
    for (std::string& fact : shown_facts()) out.push_back(std::move(fact));
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }

  // The best, the front, then what was costed and ruled out, as many as are of use.
  Table candidates() const {
    if (space_.axes().empty()) return {};
    Table table{columns({"verdict", "front"}), {}};
    std::vector<bool> on_front(all_.size());
    for (const std::size_t i : ranking_.front) on_front[i] = true;
    const auto add = [&](std::size_t i, std::string verdict) {
      std::vector<Cell> row = row_of(all_[i]);
      row.emplace_back(std::move(verdict));
      row.emplace_back(std::int64_t{on_front[i] ? 1 : 0});
      table.rows.push_back(std::move(row));
    };
    for (std::size_t place = 0; place < ranking_.best.size(); ++place) {
      const std::size_t i = ranking_.best[place];
      if (place < kMostRows || on_front[i]) add(i, "kept");
    }
    for (std::size_t i = 0; i < all_.size() && table.rows.size() < kMostRows; ++i) {
      if (all_[i].evaluated() && !all_[i].kept()) add(i, all_[i].ruled_out);
    }
    return table;
  }

  Table front() const {
    Table table{columns({"chosen"}), {}};
    for (const std::size_t i : ranking_.front) {
      table.rows.push_back(row_of(all_[i]));
      table.rows.back().emplace_back(std::int64_t{i == ranking_.best.front() ? 1 : 0});
    }
    return table;
  }

  const CandidateSpace& space_;
  const std::vector<Judged>& all_;
  const Search& search_;
  const FactGoal& objective_;
  const Ranking& ranking_;
  const std::vector<std::string>& more_facts_;
  reports::PlanRecord record_;
};

}  // namespace

reports::PlanRecord plan_record(const RankedSearch& ranked) {
  return RecordWriter(ranked).write();
}

}  // namespace windtunnel::scenarios

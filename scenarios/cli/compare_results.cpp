#include "scenarios/cli/compare_results.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace windtunnel::scenarios::cli {

namespace {

using CaseKey = std::pair<std::string, std::string>;
using CaseIndex = std::map<CaseKey, const reports::ResultCase*>;

bool one_scenario(const reports::Result& result) {
  return result.scenarios.size() <= 1;
}

CaseIndex index_cases(const reports::Result& result, bool by_name_alone) {
  CaseIndex index;
  for (const reports::ResultCase& one : result.cases) {
    index.emplace(CaseKey{by_name_alone ? "" : one.scenario, one.name}, &one);
  }
  return index;
}

const std::string kMissing = "no such case";

enum class Judged { alike, differs };

Judged judge(double a, double b, double tolerance) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return Judged::alike;
  if (a == 0 || !std::isfinite(a) || !std::isfinite(b)) return Judged::differs;
  return std::abs(b / a - 1.0) > tolerance ? Judged::differs : Judged::alike;
}

class Comparer {
 public:
  explicit Comparer(const CompareOptions& options) : options_(options) {}

  void add_pair(const reports::ResultCase& a, const reports::ResultCase& b) {
    if (a.outcome.status != b.outcome.status) {
      add(a, "status", std::string(base::to_text(a.outcome.status)),
          std::string(base::to_text(b.outcome.status)), Judged::differs);
    }
    for (const auto& [fact, value] : a.outcome.facts) {
      if (!wanted(fact)) continue;
      const auto other = b.outcome.facts.find(fact);
      if (other == b.outcome.facts.end()) {
        add(a, fact, value, {}, Judged::differs);
      } else {
        add(a, fact, value, other->second, judge(value, other->second, options_.tolerance));
      }
    }
    for (const auto& [fact, value] : b.outcome.facts) {
      if (wanted(fact) && !a.outcome.facts.contains(fact)) add(a, fact, {}, value, Judged::differs);
    }
    for (const auto& [fact, word] : a.outcome.labels) {
      const auto other = b.outcome.labels.find(fact);
      const std::string there = other == b.outcome.labels.end() ? "" : other->second;
      if (wanted(fact)) add(a, fact, word, there, word == there ? Judged::alike : Judged::differs);
    }
  }

  void add_only_in_a(const reports::ResultCase& one) {
    add(one, "status", std::string(base::to_text(one.outcome.status)), kMissing, Judged::differs);
  }
  void add_only_in_b(const reports::ResultCase& one) {
    add(one, "status", kMissing, std::string(base::to_text(one.outcome.status)), Judged::differs);
  }

  Comparison take() { return std::move(comparison_); }

 private:
  bool wanted(const std::string& fact) const {
    return options_.facts.empty() ||
           std::find(options_.facts.begin(), options_.facts.end(), fact) != options_.facts.end();
  }
  void add(const reports::ResultCase& one, const std::string& fact, base::Cell a, base::Cell b,
           Judged judged) {
    const bool beyond = judged == Judged::differs;
    comparison_.rows.push_back({one.scenario, one.name, fact, std::move(a), std::move(b), beyond});
    if (beyond) ++comparison_.beyond;
  }

  const CompareOptions& options_;
  Comparison comparison_;
};

}  // namespace

Comparison compare(const reports::Result& a, const reports::Result& b,
                   const CompareOptions& options) {
  const bool by_name_alone = one_scenario(a) && one_scenario(b);
  const CaseIndex in_b = index_cases(b, by_name_alone);
  const CaseIndex in_a = index_cases(a, by_name_alone);
  Comparer comparer(options);
  for (const reports::ResultCase& one : a.cases) {
    const auto other = in_b.find({by_name_alone ? "" : one.scenario, one.name});
    if (other != in_b.end()) {
      comparer.add_pair(one, *other->second);
    } else {
      comparer.add_only_in_a(one);
    }
  }
  for (const reports::ResultCase& one : b.cases) {
    if (!in_a.contains({by_name_alone ? "" : one.scenario, one.name})) {
      comparer.add_only_in_b(one);
    }
  }
  return comparer.take();
}

}  // namespace windtunnel::scenarios::cli

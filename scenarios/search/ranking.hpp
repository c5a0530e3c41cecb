// Candidates that were run, in the order of the objective, and the fronts among them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/result.hpp"
#include "scenarios/search/candidate_run.hpp"
#include "scenarios/search/search.hpp"

namespace windtunnel::scenarios {

struct Judged {
  Candidate candidate;
  Verdict verdict{};
  bool done = false;
  std::string ruled_out{};  // evaluated, but breaks this constraint or the SLO

  bool evaluated() const { return done && verdict.fate == Fate::evaluated; }
  bool kept() const { return evaluated() && ruled_out.empty(); }
  double fact(const std::string& name) const;  // NaN where it has none
};

struct Ranking {
  std::vector<std::size_t> best;   // kept ones, the best first
  std::vector<std::size_t> front;  // kept ones that none is better than in all goals
};

// Marks what breaks a constraint, and ranks the rest.
Ranking rank(std::vector<Judged>& all, const Search& search, const FactGoal& objective);

// A search that was run.
struct RankedSearch {
  const CandidateSpace& space;
  const std::vector<Judged>& all;
  const Search& search;
  const FactGoal& objective;
  const Ranking& ranking;
  std::vector<std::string> more_facts{};  // for the tables, beside those that are named
};

// A candidate, and those that are as good: they differ from it in one axis, have the same objective, and
// every other fact within a thousandth (recomputation none and selective where FlashAttention keeps
// nothing that could be computed again).
struct RankedLine {
  std::size_t best = 0;               // the first in the ranking
  std::optional<std::size_t> axis{};  // in which the others differ; nothing: there are none
  std::vector<std::size_t> rows{};    // of that axis, its own among them, in the axis's order
};

// The best, `most` at most, in order.
std::vector<RankedLine> ranked_lines(const RankedSearch& ranked, std::size_t most);

// Facts and tables of the search (reports/result.hpp), without times.
reports::PlanRecord plan_record(const RankedSearch& ranked);

// The sentence with its numbers as N, so that alike reasons are one.
std::string generic_reason(const std::string& reason);

}  // namespace windtunnel::scenarios

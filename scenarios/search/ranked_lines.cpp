// Candidates that differ in nothing that is shown, as one line.
#include <algorithm>
#include <cmath>

#include "scenarios/search/ranking.hpp"

namespace windtunnel::scenarios {
namespace {

constexpr double kSame = 1e-9;   // of the objective: rounding
constexpr double kAlike = 1e-3;  // of all other facts

bool near(double a, double b, double share) {
  return a == b || std::abs(a - b) <= share * std::max(std::abs(a), std::abs(b));
}

bool are_alike(const Judged& a, const Judged& b, const std::string& objective) {
  const auto& facts = a.verdict.outcome.facts;
  if (facts.size() != b.verdict.outcome.facts.size()) return false;
  return near(a.fact(objective), b.fact(objective), kSame) &&
         std::all_of(facts.begin(), facts.end(),
                     [&](const auto& one) { return near(one.second, b.fact(one.first), kAlike); });
}

// The one axis in which they differ.
std::optional<std::size_t> difference(const CandidateSpace& space, const Candidate& a,
                                      const Candidate& b) {
  std::optional<std::size_t> only;
  for (std::size_t axis = 0; axis < space.axes().size(); ++axis) {
    if (space.row(a, axis) == space.row(b, axis)) continue;
    if (only) return std::nullopt;
    only = axis;
  }
  return only;
}

bool joins(const RankedSearch& ranked, std::size_t candidate, RankedLine& line) {
  const Judged& first = ranked.all[line.best];
  const Judged& other = ranked.all[candidate];
  if (!are_alike(first, other, ranked.objective.fact)) return false;
  const auto axis = difference(ranked.space, first.candidate, other.candidate);
  if (!axis || (line.axis && line.axis != axis)) return false;
  if (!line.axis) line.rows = {ranked.space.row(first.candidate, *axis)};
  line.axis = axis;
  line.rows.push_back(ranked.space.row(other.candidate, *axis));
  return true;
}

}  // namespace

std::vector<RankedLine> ranked_lines(const RankedSearch& ranked, std::size_t most) {
  std::vector<RankedLine> lines;
  for (const std::size_t i : ranked.ranking.best) {
    const bool joined = std::any_of(lines.begin(), lines.end(),
                                    [&](RankedLine& line) { return joins(ranked, i, line); });
    if (joined) continue;
    const bool behind = lines.size() == most;
    if (!behind) lines.push_back({.best = i});
    // Those that come after are worse than all that are shown.
    if (behind && !near(ranked.all[i].fact(ranked.objective.fact),
                        ranked.all[lines.back().best].fact(ranked.objective.fact), kSame)) {
      break;
    }
  }
  for (RankedLine& line : lines) std::sort(line.rows.begin(), line.rows.end());
  return lines;
}

}  // namespace windtunnel::scenarios

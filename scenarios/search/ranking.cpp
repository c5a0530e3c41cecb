#include "scenarios/search/ranking.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

namespace windtunnel::scenarios {
namespace {

// Rounding of the arithmetic ranks nothing.
double rounded(double value) {
  if (!std::isfinite(value) || value == 0) return value;
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  return std::ldexp(std::round(mantissa * 1e12) / 1e12, exponent);
}

bool has_all(const Judged& one, const std::vector<FactGoal>& goals) {
  return std::all_of(goals.begin(), goals.end(),
                     [&](const FactGoal& goal) { return std::isfinite(one.fact(goal.fact)); });
}

// At least as good in all.
bool covers(const Judged& a, const Judged& b, const std::vector<FactGoal>& goals) {
  return std::none_of(goals.begin(), goals.end(), [&](const FactGoal& goal) {
    return is_better(goal.better, rounded(b.fact(goal.fact)), rounded(a.fact(goal.fact)));
  });
}

bool equal(const Judged& a, const Judged& b, const std::vector<FactGoal>& goals) {
  return std::all_of(goals.begin(), goals.end(),
                     [&](const FactGoal& goal) { return a.fact(goal.fact) == b.fact(goal.fact); });
}

// In the order of the first goal, then the others, nobody is better than somebody before it in all.
std::vector<std::size_t> front_of(const std::vector<Judged>& all,
                                  const std::vector<FactGoal>& goals) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].kept() && has_all(all[i], goals)) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    for (const FactGoal& goal : goals) {
      const double x = rounded(all[a].fact(goal.fact)), y = rounded(all[b].fact(goal.fact));
      if (x != y) return is_better(goal.better, x, y);
    }
    return false;
  });
  std::vector<std::size_t> front;
  for (const std::size_t i : order) {
    const bool dominated = std::any_of(front.begin(), front.end(), [&](std::size_t f) {
      return covers(all[f], all[i], goals) && !equal(all[f], all[i], goals);
    });
    if (!dominated) front.push_back(i);
  }
  return front;
}

bool is_unit(std::string_view letters) {
  for (const std::string_view unit :
       {"B", "KiB", "MiB", "GiB", "TiB", "kB", "MB", "GB", "TB", "s", "ms", "us", "min", "h"}) {
    if (letters == unit) return true;
  }
  return false;
}

}  // namespace

double Judged::fact(const std::string& name) const {
  const auto found = verdict.outcome.facts.find(name);
  return found == verdict.outcome.facts.end() ? std::numeric_limits<double>::quiet_NaN()
                                              : found->second;
}

Ranking rank(std::vector<Judged>& all, const Search& search, const FactGoal& objective) {
  Ranking out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Judged& one = all[i];
    if (!one.evaluated()) continue;
    if (one.verdict.misses_slo) one.ruled_out = one.verdict.reason;
    for (const FactConstraint& constraint : search.constraints) {
      const double value = one.fact(constraint.fact);
      if (!one.ruled_out.empty() || (std::isfinite(value) && constraint.holds(value))) continue;
      one.ruled_out = constraint.text;
    }
    if (one.ruled_out.empty() && !std::isfinite(one.fact(objective.fact))) {
      one.ruled_out = objective.fact + " is not known of it";
    }
    if (one.kept()) out.best.push_back(i);
  }
  std::stable_sort(out.best.begin(), out.best.end(), [&](std::size_t a, std::size_t b) {
    const double x = rounded(all[a].fact(objective.fact));
    const double y = rounded(all[b].fact(objective.fact));
    if (x != y) return is_better(objective.better, x, y);
    for (const char* fact : {"e2e_mean_s", "memory_total_bytes"}) {
      const double s = rounded(all[a].fact(fact)), t = rounded(all[b].fact(fact));
      if (std::isfinite(s) && std::isfinite(t) && s != t) return s < t;
    }
    return false;
  });
  if (!search.pareto.empty()) out.front = front_of(all, search.pareto);
  return out;
}

std::string generic_reason(const std::string& reason) {
  std::string out;
  const auto letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t i = 0; i < reason.size();) {
    const char before = i == 0 ? ' ' : reason[i - 1];
    const bool begins = digit(reason[i]) && !letter(before) && before != '-' && before != '.';
    if (!begins) {
      out += reason[i++];
      continue;
    }
    std::size_t end = i;
    while (end < reason.size() &&
           (digit(reason[end]) || ((reason[end] == '.' || reason[end] == ',') &&
                                   end + 1 < reason.size() && digit(reason[end + 1])))) {
      ++end;
    }
    std::size_t word = end;
    while (word < reason.size() && letter(reason[word])) ++word;
    const std::string_view letters = std::string_view(reason).substr(end, word - end);
    if (letters.empty() || is_unit(letters)) {
      out += "N";
      out += letters;
      // "1.2 MiB" and "1.2 GiB" are alike.
      if (letters.empty() && reason.compare(end, 1, " ") == 0) {
        std::size_t stop = end + 1;
        while (stop < reason.size() && letter(reason[stop])) ++stop;
        const std::string_view unit = std::string_view(reason).substr(end + 1, stop - end - 1);
        if (unit.size() == 3 && unit.ends_with("iB")) {
          out += " GiB";
          word = stop;
        }
      }
    } else {
      out += reason.substr(i, word - i);
    }
    i = word;
  }
  return out;
}

}  // namespace windtunnel::scenarios

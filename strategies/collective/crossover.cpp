#include "strategies/collective/crossover.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace windtunnel::strategies {
namespace {

using collectives::Algorithm;
using collectives::Op;
using Times = std::map<Algorithm, base::Seconds>;
using Sweep = std::map<base::Bytes, Times>;

// The leader stays in front while nobody is faster by more than rounding.
Algorithm fastest(const Times& times, std::optional<Algorithm> leader) {
  constexpr double kRounding = 1e-9;
  auto best = times.begin();
  if (leader && times.contains(*leader)) best = times.find(*leader);
  for (auto at = times.begin(); at != times.end(); ++at) {
    if (at->second < best->second * (1.0 - kRounding)) best = at;
  }
  return best->first;
}

base::Bytes meeting_size(const Sweep::value_type& low, const Sweep::value_type& high,
                         const Crossover& crossover) {
  const auto gap = [&](const Times& times) {
    return std::log(times.at(crossover.from) / times.at(crossover.to));
  };
  const double before = gap(low.second);  // <= 0: `from` leads
  const double after = gap(high.second);  // > 0
  const double share = std::clamp(before / (before - after), 0.0, 1.0);
  return low.first * std::pow(high.first / low.first, share);
}

void add_crossovers(Op op, const Sweep& sweep, std::vector<Crossover>& out) {
  const Sweep::value_type* before = nullptr;
  std::optional<Algorithm> leader;
  for (const Sweep::value_type& now : sweep) {
    const Algorithm next = fastest(now.second, leader);
    const bool overtaken =
        leader && next != *leader && now.second.contains(*leader) && before->second.contains(next);
    if (overtaken) {
      Crossover crossover{op, *leader, next, base::Bytes(0), before->first, now.first};
      crossover.bytes = meeting_size(*before, now, crossover);
      out.push_back(crossover);
    }
    leader = next;
    before = &now;
  }
}

}  // namespace

std::vector<Crossover> find_crossovers(std::span<const TimedCase> cases) {
  std::map<Op, Sweep> by_op;
  for (const TimedCase& one : cases) {
    if (one.algorithm == Algorithm::automatic || one.bytes.value() <= 0 || one.time.value() <= 0)
      continue;
    by_op[one.op][one.bytes][one.algorithm] = one.time;
  }
  std::vector<Crossover> out;
  for (const auto& [op, sweep] : by_op) add_crossovers(op, sweep, out);
  return out;
}

}  // namespace windtunnel::strategies

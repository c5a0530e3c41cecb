// Where one algorithm overtakes another: the sizes at which the fastest algorithm of a sweep
// changes.
//
// Model: between two neighbouring sizes both times are straight lines on log-log axes; the
// crossover is where the two lines meet,
//   log s = log s0 + (log s1 - log s0) d0 / (d0 - d1),   d = log(t_from / t_to), d0 <= 0 < d1,
// and lies within [s0, s1]. Equal times do not change the leader. An algorithm that has no time at
// one of the two sizes did not overtake there: it was not in the race.
#pragma once

#include <span>
#include <vector>

#include "collectives/collective.hpp"

namespace windtunnel::strategies {

// One finished case of one (op, group).
struct TimedCase {
  collectives::Op op = collectives::Op::all_reduce;
  collectives::Algorithm algorithm = collectives::Algorithm::ring;
  base::Bytes bytes{0};
  base::Seconds time{0};
};

struct Crossover {
  collectives::Op op = collectives::Op::all_reduce;
  collectives::Algorithm from = collectives::Algorithm::ring;  // the fastest below `bytes`
  collectives::Algorithm to = collectives::Algorithm::ring;    // the fastest from `bytes` on
  base::Bytes bytes{0};
  base::Bytes below{0}, above{0};  // the two sizes it lies between
};

// In order of op and size. Cases of `auto` and without a positive size and time are left out; of
// several with the same op, algorithm and size the last counts.
std::vector<Crossover> find_crossovers(std::span<const TimedCase> cases);

}  // namespace windtunnel::strategies

// Draws lengths in tokens from a distribution: rounded to the nearest, at least
// 1 and at most kLongestLength (a log-normal of large sigma has no end).
#pragma once

#include <cstdint>
#include <vector>

#include "sim/base/random.hpp"
#include "strategies/serve/lengths.hpp"

namespace windtunnel::strategies {

inline constexpr std::int64_t kLongestLength = 1'000'000'000;

class LengthDraw {
 public:
  // Pre: weights of an empirical distribution are >= 0 and not all 0; min <=
  // max.
  explicit LengthDraw(const Lengths& lengths);
  std::int64_t next(base::RandomStream& random) const;

 private:
  Lengths lengths_;
  std::vector<double> cumulative_;  // of an empirical distribution
};

// Mean of what is drawn before it is rounded and bounded: closed form.
double mean_length(const Lengths& lengths);

}  // namespace windtunnel::strategies

// Seeded random numbers in named substreams: the stream "arrivals" of seed 1 gives the same numbers
// whatever else is drawn, in whatever order, on any machine.
//
// Model: xoshiro256** (Blackman and Vigna 2018), its state filled by SplitMix64 from the seed and the
// FNV-1a hash of the name. Distributions are written out here because the standard library's differ
// between implementations.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace windtunnel::base {

class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view name);
  // A stream of its own below this one; does not advance this one.
  RandomStream substream(std::string_view name) const;

  std::uint64_t next();                     // uniform over all 64-bit values
  double uniform();                         // [0, 1)
  double uniform(double low, double high);  // [low, high)
  std::int64_t below(std::int64_t limit);   // 0 .. limit-1, unbiased; limit > 0
  double exponential(double mean);          // mean > 0
  double normal(double mean, double standard_deviation);
  double log_normal(double median, double sigma);  // exp(normal(log median, sigma))
  double gamma(double shape, double scale);        // shape, scale > 0 (Marsaglia and Tsang 2000)

 private:
  std::uint64_t key_;
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace windtunnel::base

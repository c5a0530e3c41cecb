#include "strategies/train/jitter.hpp"

#include <algorithm>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>
#include <numbers>

namespace windtunnel::strategies {
namespace {

// SplitMix64's finalizer.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// Log-normal of mean m: its median is m exp(-sigma^2 / 2).
double log_normal_quantile(double mean, double sigma, double u) {
  if (u <= 0.0) return 0.0;
  const double normal = -std::numbers::sqrt2 * boost::math::erfc_inv(2.0 * u);
  return mean * std::exp(sigma * normal - sigma * sigma / 2.0);
}

}  // namespace

double jitter_quantile(const sim::Jitter& jitter, double u) {
  switch (jitter.kind) {
    case sim::JitterKind::none:
      return 0.0;
    case sim::JitterKind::exponential:
      return -jitter.mean * std::log1p(-u);
    case sim::JitterKind::uniform:
      return 2.0 * jitter.mean * u;
    case sim::JitterKind::log_normal:
      return log_normal_quantile(jitter.mean, jitter.sigma, u);
  }
  return 0.0;
}

double uniform_at(const DrawPlace& place) {
  std::uint64_t x = mixed(place.seed);
  for (const std::int64_t part : {place.step, place.lane, place.stage, place.pass}) {
    x = mixed(x ^ static_cast<std::uint64_t>(part));
  }
  return static_cast<double>(x >> 11) * 0x1.0p-53;
}

double slowest_factor(const sim::Jitter& jitter, std::int64_t ranks, DrawPlace place) {
  if (jitter.kind == sim::JitterKind::none || jitter.mean <= 0.0) return 1.0;
  if (jitter.each == sim::JitterPeriod::step) place.pass = 0;
  const double u = std::pow(uniform_at(place), 1.0 / static_cast<double>(ranks));
  return 1.0 + jitter_quantile(jitter, std::min(u, 1.0 - 0x1.0p-53));
}

}  // namespace windtunnel::strategies

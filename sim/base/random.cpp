#include "sim/base/random.hpp"

#include <bit>
#include <cmath>
#include <numbers>

#include "sim/base/contract.hpp"

namespace windtunnel::base {
namespace {

std::uint64_t fnv1a(std::string_view text, std::uint64_t hash) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::string_view name)
    : key_(fnv1a(name, 0xcbf29ce484222325ULL ^ (seed * 0x9e3779b97f4a7c15ULL))) {
  std::uint64_t filler = key_;
  for (auto& word : state_) word = split_mix(filler);
}

RandomStream RandomStream::substream(std::string_view name) const {
  return {key_, name};
}

std::uint64_t RandomStream::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double RandomStream::uniform() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

double RandomStream::uniform(double low, double high) {
  return low + (high - low) * uniform();
}

std::int64_t RandomStream::below(std::int64_t limit) {
  expects(limit > 0, "RandomStream::below needs a positive limit");
  const auto range = static_cast<std::uint64_t>(limit);
  const std::uint64_t rejected_from = ~std::uint64_t{0} - (~std::uint64_t{0} % range + 1) % range;
  std::uint64_t draw = next();
  while (draw > rejected_from) draw = next();
  return static_cast<std::int64_t>(draw % range);
}

double RandomStream::exponential(double mean) {
  return -mean * std::log1p(-uniform());
}

double RandomStream::normal(double mean, double standard_deviation) {
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  return mean + standard_deviation * radius * std::cos(2.0 * std::numbers::pi * uniform());
}

double RandomStream::log_normal(double median, double sigma) {
  return median * std::exp(normal(0.0, sigma));
}

double RandomStream::gamma(double shape, double scale) {
  expects(shape > 0.0 && scale > 0.0, "gamma distribution needs a positive shape and scale");
  if (shape < 1.0) return gamma(shape + 1.0, scale) * std::pow(1.0 - uniform(), 1.0 / shape);
  const double d = shape - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = normal(0.0, 1.0);
    const double v = std::pow(1.0 + c * x, 3.0);
    if (v <= 0.0) continue;
    if (std::log1p(-uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v * scale;
  }
}

}  // namespace windtunnel::base

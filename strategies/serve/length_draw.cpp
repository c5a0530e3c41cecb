#include "strategies/serve/length_draw.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

std::int64_t bounded(double drawn) {
  return static_cast<std::int64_t>(
      std::llround(std::clamp(drawn, 1.0, static_cast<double>(kLongestLength))));
}

}  // namespace

LengthDraw::LengthDraw(const Lengths& lengths) : lengths_(lengths) {
  const auto* given = std::get_if<EmpiricalLength>(&lengths_);
  if (given == nullptr) return;
  double sum = 0;
  for (const auto& [tokens, weight] : given->weights) cumulative_.push_back(sum += weight);
  base::expects(sum > 0, "an empirical distribution of lengths needs a weight above 0");
}

std::int64_t LengthDraw::next(base::RandomStream& random) const {
  const auto empirical = [&](const EmpiricalLength& given) {
    const double at = random.uniform() * cumulative_.back();
    const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), at);
    const auto index =
        std::min<std::ptrdiff_t>(found - cumulative_.begin(), std::ssize(cumulative_) - 1);
    return static_cast<double>(given.weights[static_cast<std::size_t>(index)].first);
  };
  return bounded(std::visit(
      Overloaded{
          [](const ConstantLength& same) { return static_cast<double>(same.tokens); },
          [&](const NormalLength& normal) { return random.normal(normal.mean, normal.stddev); },
          [&](const LognormalLength& log) { return random.log_normal(log.median, log.sigma); },
          [&](const UniformLength& range) {
            return static_cast<double>(range.min + random.below(range.max - range.min + 1));
          },
          empirical},
      lengths_));
}

double mean_length(const Lengths& lengths) {
  return std::visit(
      Overloaded{[](const ConstantLength& same) { return static_cast<double>(same.tokens); },
                 [](const NormalLength& normal) { return normal.mean; },
                 [](const LognormalLength& log) {
                   return log.median * std::exp(log.sigma * log.sigma / 2);
                 },
                 [](const UniformLength& range) {
                   return 0.5 * static_cast<double>(range.min + range.max);
                 },
                 [](const EmpiricalLength& given) {
                   double sum = 0, weights = 0;
                   for (const auto& [tokens, weight] : given.weights) {
                     sum += static_cast<double>(tokens) * weight;
                     weights += weight;
                   }
                   return weights > 0 ? sum / weights : 0.0;
                 }},
      lengths);
}

}  // namespace windtunnel::strategies

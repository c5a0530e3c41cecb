// Mean and quantiles of a few numbers or quantities.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace windtunnel::base {

// 0 of nothing.
template <class T>
T mean(const std::vector<T>& values) {
  if (values.empty()) return T{};
  return std::accumulate(values.begin(), values.end(), T{}) / static_cast<double>(values.size());
}

// Linear between the neighbours of rank share (n - 1), share in 0..1; 0 of nothing. O(n).
template <class T>
T quantile(std::vector<T> values, double share) {
  if (values.empty()) return T{};
  const double at = share * static_cast<double>(values.size() - 1);
  const auto low = values.begin() + static_cast<std::ptrdiff_t>(at);
  std::nth_element(values.begin(), low, values.end());
  const auto high = low + 1 == values.end() ? low : std::min_element(low + 1, values.end());
  return *low + (at - static_cast<double>(low - values.begin())) * (*high - *low);
}

template <class T>
T median(std::vector<T> values) {
  return quantile(std::move(values), 0.5);
}

}  // namespace windtunnel::base

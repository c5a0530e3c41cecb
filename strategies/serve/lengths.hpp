// Distributions of lengths in tokens: of requests, and of the samples of a training set.
#pragma once

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

namespace windtunnel::strategies {

// A distribution of lengths in tokens; drawn values are rounded and at least 1.
struct ConstantLength {
  std::int64_t tokens = 1;
};
struct NormalLength {
  double mean = 1, stddev = 0;
};
struct LognormalLength {
  double median = 1, sigma = 0;
};
struct UniformLength {
  std::int64_t min = 1, max = 1;
};
// Given figures with weights, drawn as they are (BERT's SQuAD lengths, a histogram of a log).
struct EmpiricalLength {
  std::vector<std::pair<std::int64_t, double>> weights{};
};
using Lengths =
    std::variant<ConstantLength, NormalLength, LognormalLength, UniformLength, EmpiricalLength>;

}  // namespace windtunnel::strategies

// FLOPs of samples of different lengths.
//
// Model: a sample of l tokens takes a l + b l^2, a and b from a whole row and half of one, so of many
// samples a (sum of lengths) + b (sum of squares). Exact where attention has no window; with one,
// that of a whole row stands for all.
#pragma once

#include "models/networks/network.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::strategies {

class BatchFlops {
 public:
  // `sources`: tokens of an encoder's sources over those of the rows.
  BatchFlops(const models::Network& network, std::int64_t row, double sources = 1.0);
  base::Flops of(double tokens, double squares) const {
    return linear_ * tokens + square_ * squares;
  }

 private:
  base::Flops linear_{0}, square_{0};
};

}  // namespace windtunnel::strategies

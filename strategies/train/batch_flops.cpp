#include "strategies/train/batch_flops.hpp"

#include <algorithm>

#include "models/networks/counts.hpp"

namespace windtunnel::strategies {

BatchFlops::BatchFlops(const models::Network& network, std::int64_t row) {
  const auto whole = static_cast<double>(row);
  const std::int64_t half_row = std::max<std::int64_t>(1, row / 2);
  const auto half = static_cast<double>(half_row);
  const base::Flops at_whole = models::model_flops_per_sample(network, row);
  const base::Flops at_half = models::model_flops_per_sample(network, half_row);
  if (row > 1) {
    square_ = (at_whole / whole - at_half / half) * (1.0 / (whole - half));
  }
  linear_ = at_whole / whole - square_ * whole;
}

}  // namespace windtunnel::strategies

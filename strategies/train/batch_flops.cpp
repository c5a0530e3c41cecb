#include "strategies/train/batch_flops.hpp"

#include <algorithm>
#include <cmath>

#include "models/networks/counts.hpp"

namespace windtunnel::strategies {

BatchFlops::BatchFlops(const models::Network& network, std::int64_t row, double sources) {
  const auto of_row = [&](std::int64_t tokens) {
    return models::model_flops(
        network, {.query_tokens = tokens,
                  .encoder_tokens = std::llround(static_cast<double>(tokens) * sources)});
  };
  const auto whole = static_cast<double>(row);
  const std::int64_t half_row = std::max<std::int64_t>(1, row / 2);
  const auto half = static_cast<double>(half_row);
  const base::Flops at_whole = of_row(row);
  const base::Flops at_half = of_row(half_row);
  if (row > 1) {
    square_ = (at_whole / whole - at_half / half) * (1.0 / (whole - half));
  }
  linear_ = at_whole / whole - square_ * whole;
}

}  // namespace windtunnel::strategies

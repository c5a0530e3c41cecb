#include "real/kernels/launch_plan.hpp"

#include <algorithm>

#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

constexpr int kWarpsPerBlock = 8;

RowPlan groups_for(std::int64_t columns) {
  base::expects(columns >= 1 && columns <= 16384, "a row kernel takes 1 to 16384 columns");
  const std::int64_t packs = ceil_div(columns, kPackElements);
  if (packs <= std::int64_t{kWarp} * kCachedPacks) return {kWarp, kWarpsPerBlock, 0};
  return {static_cast<int>(round_up(ceil_div(packs, kCachedPacks), kWarp)), 1, 0};
}

}  // namespace

RowPlan row_plan(std::int64_t rows, std::int64_t columns, int multiprocessors) {
  RowPlan plan = groups_for(columns);
  const std::int64_t most = std::int64_t{multiprocessors} * 4 * std::max(1, 2048 / plan.threads());
  plan.blocks = static_cast<int>(std::clamp<std::int64_t>(ceil_div(rows, plan.groups), 1, most));
  return plan;
}

int reduction_blocks(std::int64_t columns, int multiprocessors) {
  return multiprocessors * std::max(1, 1024 / groups_for(columns).threads());
}

RowPlan reduction_plan(std::int64_t rows, std::int64_t columns, int multiprocessors) {
  RowPlan plan = groups_for(columns);
  const std::int64_t most = reduction_blocks(columns, multiprocessors);
  plan.blocks = static_cast<int>(std::clamp<std::int64_t>(ceil_div(rows, plan.groups), 1, most));
  return plan;
}

int pointwise_blocks(std::int64_t packs, int multiprocessors) {
  const std::int64_t most = std::int64_t{multiprocessors} * 32;
  return static_cast<int>(std::clamp<std::int64_t>(ceil_div(packs, kPointwiseThreads), 1, most));
}

}  // namespace windtunnel::real

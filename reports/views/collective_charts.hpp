// Charts of a collective grid: time and busbw against size (or ranks), with bands, crossovers, the
// lower bound and what was measured.
#pragma once

#include <string>
#include <vector>

#include "reports/view.hpp"
#include "reports/views/collective_grid.hpp"

namespace windtunnel::reports {

// None where the grid has but one row.
std::vector<Chart> grid_charts(const CollectiveGrid& grid, const Result& result,
                               const std::string& id);

}  // namespace windtunnel::reports

// Tables of a collective grid.
#pragma once

#include <string>
#include <vector>

#include "reports/view.hpp"
#include "reports/views/collective_grid.hpp"

namespace windtunnel::reports {

// One row a size (or rank count), for each algorithm its time, band and busbw, the winner marked;
// below it the crossovers, and why some cases have no number. A grid of one row is turned: one row
// an algorithm.
ViewTable grid_table(const CollectiveGrid& grid, const Result& result);

// What `auto` chose and what the runner-up would have cost; no rows where nothing was chosen.
ViewTable choice_table(const std::vector<CollectiveGrid>& grids);

// Groups that ran at the same time: the slowest of each case, then all of them, those that fared
// alike in one row. None where no case has the table `groups`.
std::vector<ViewTable> groups_tables(const std::vector<CollectiveGrid>& grids);

// "ring -> in_network at 1.4 MiB", from the table `crossovers` of the result, for this grid.
struct Crossover {
  std::string from;
  std::string to;
  double bytes = 0.0;
  bool leads = true;  // false: another algorithm is faster than both there
};
std::vector<Crossover> crossovers_of(const CollectiveGrid& grid, const Result& result);

}  // namespace windtunnel::reports

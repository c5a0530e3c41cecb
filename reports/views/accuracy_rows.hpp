// Rows of predictions beside measurements, read for charts: which column is what, how a row is
// called, how far it errs, and which rows are enough for a chart.
#pragma once

#include <string>

#include "reports/views/lookup.hpp"

namespace windtunnel::reports {

// Columns of the table, in whichever of their spellings the table has them; empty where it has
// none. `group` is what tells the rows apart best by colour.
struct RowColumns {
  std::string predicted;
  std::string measured;
  std::string error;
  std::string low;
  std::string high;
  std::string size;
  std::string group;
};

RowColumns columns_of(const TableReader& rows);
std::string row_label(const TableReader& rows, std::size_t row);

// Relative; above zero where the prediction is too large.
double error_of(const TableReader& rows, std::size_t row, const RowColumns& columns);
// Nine rows in ten err less than this.
double ninth_decile(const TableReader& rows, const RowColumns& columns);

// Every n-th row stands for all; the rows that err most are kept, so that no chart hides them.
inline constexpr std::size_t kMostPoints = 4000;  // more make a page slow and show no more
base::Table thinned(const base::Table& table);

}  // namespace windtunnel::reports

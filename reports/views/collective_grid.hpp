// The cases of a collective study laid out as an engineer compares them: one grid for each
// operation and group of ranks, algorithms across, sizes down. Where there is but one size, ranks
// or (if they are alike too) whatever else was swept goes down; where there is but one algorithm,
// what was swept goes across.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/result.hpp"

namespace windtunnel::reports {

enum class GridAxis { size, ranks, variant };
enum class GridColumns { algorithms, variants };

// One case as the grids see it. Numbers are NaN where the case has none.
struct CollectivePoint {
  const ResultCase* one = nullptr;
  std::string op;
  std::string algorithm;  // as asked for; "auto" stays "auto"
  double bytes = 0.0;
  double ranks = 0.0;
  double time_s = 0.0;
  double busbw = 0.0;  // bytes/s
  std::optional<base::Band> time_band;
  double row = 0.0;    // where it stands in its grid: bytes, ranks, or the index of a variant
  std::string column;  // the algorithm, or the text of a variant
  bool ok() const { return one->outcome.status == base::Status::ok; }
};

struct CollectiveGrid {
  std::string title;  // "all_reduce, 128 ranks"
  std::string scenario;
  std::string op;
  std::string sweep;   // "cluster.nodes=4": the other parameters, as table `crossovers` has them
  double ranks = 0.0;  // NaN where ranks are the axis
  GridAxis axis = GridAxis::size;
  GridColumns across = GridColumns::algorithms;
  std::vector<double> rows;             // ascending
  std::vector<std::string> row_labels;  // of variants, by index
  std::vector<std::string> columns;     // in order of first appearance
  std::vector<CollectivePoint> points;

  const CollectivePoint* at(double row, const std::string& column) const;
  // The fastest ok points of a row where algorithms are across (of variants none wins), `auto` left
  // out where others are there; more than one only if equal to 1e-9.
  std::vector<const CollectivePoint*> fastest(double row) const;
  // Some other algorithm's band overlaps the winner's: the order is not certain.
  bool uncertain(double row) const;
  bool has_bands() const;
};

bool is_collective(const Result& result);
std::vector<CollectiveGrid> collective_grids(const Result& result);

// The row of a grid as people write it: 64KiB, or 128, or "oversubscription = 4".
std::string row_text(const CollectiveGrid& grid, double row);
// What a row is: "size", "rank count", "variant".
std::string_view row_noun(const CollectiveGrid& grid);

}  // namespace windtunnel::reports

// The rows of one GEMM component as its fit takes them, and how they are split for trials.
#pragma once

#include <string>
#include <vector>

#include "calibration/kernels/kernel_rows.hpp"
#include "models/kernels/gemm_form.hpp"

namespace windtunnel::calibration {

struct GemmPoint {
  models::GemmQuery query;
  double seconds = 0.0;
  std::array<double, 3> at{};  // log2 m, n, k
};

// All rows of one component: format, kernel (blank: the only one, or the stack's choice by shape).
struct GemmGroup {
  models::NumberFormat format = models::NumberFormat::bf16;
  std::string kernel;
  std::vector<GemmPoint> points;  // by (n, k, m), one a shape, its median
  std::int64_t rows = 0;
  std::int32_t source = 0;  // of the first row
};
std::vector<GemmGroup> gemm_groups(const KernelRows& rows);

// The fold of each point, 0 .. folds - 1.
struct GemmSplit {
  std::string name;  // "by (n, k)"
  int folds = 0;
  std::vector<int> fold;
};
std::vector<GemmSplit> gemm_splits(const std::vector<GemmPoint>& points);

// Knots along m: every value up to 16 that is a power of 2, all values to 512, multiples of 512 and
// their successors above (tiles end there), every value beyond kDenseRows.
std::vector<double> token_knots(const std::vector<GemmPoint>& points);

}  // namespace windtunnel::calibration

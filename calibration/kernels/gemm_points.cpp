#include "calibration/kernels/gemm_points.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "calibration/kernels/gemm_model.hpp"
#include "calibration/kernels/residual_surface.hpp"

namespace windtunnel::calibration {
namespace {

constexpr int kFolds = 4;
constexpr std::int64_t kDenseRows = 4608;
constexpr std::size_t kMostTokenKnots = 64;

using Shape = std::array<std::int64_t, 5>;
Shape shape_of(const models::GemmQuery& q) {
  return {q.n, q.k, q.m, q.batch, q.groups};
}

struct Timed {
  Shape shape;
  double seconds;
};

// Kernels by format; the rows of each as shapes and times.
using ByKernel = std::map<std::string, std::vector<Timed>>;

// Whether any shape was timed with two kernels.
bool share_shapes(const ByKernel& kernels) {
  std::set<Shape> seen;
  for (const auto& [name, rows] : kernels) {
    std::set<Shape> own;
    for (const Timed& row : rows) own.insert(row.shape);
    for (const Shape& shape : own)
      if (!seen.insert(shape).second) return true;
  }
  return false;
}

GemmGroup group_of(models::NumberFormat format, const std::string& kernel,
                   std::vector<Timed> rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const Timed& a, const Timed& b) {
    return std::tie(a.shape, a.seconds) < std::tie(b.shape, b.seconds);
  });
  GemmGroup group{format, kernel, {}, static_cast<std::int64_t>(rows.size()), 0};
  for (std::size_t i = 0; i < rows.size();) {
    std::size_t end = i;
    while (end < rows.size() && rows[end].shape == rows[i].shape) ++end;
    const std::size_t middle = i + (end - i) / 2;
    const double median = (end - i) % 2 == 1
                              ? rows[middle].seconds
                              : 0.5 * (rows[middle - 1].seconds + rows[middle].seconds);
    GemmPoint point;
    const Shape& s = rows[i].shape;
    point.query = {
        .m = s[2], .n = s[0], .k = s[1], .batch = s[3], .groups = s[4], .format = format};
    point.seconds = median;
    point.at = gemm_coordinates(point.query);
    group.points.push_back(point);
    i = end;
  }
  return group;
}

// Deals the distinct values of `key` out to folds, neighbours to different ones.
template <class Key>
GemmSplit split_by(const std::string& name, const std::vector<GemmPoint>& points, Key key) {
  std::map<decltype(key(points[0])), int> order;
  for (const GemmPoint& point : points) order[key(point)] = 0;
  int next = 0;
  for (auto& [value, index] : order) index = next++;
  GemmSplit split{name, std::min(kFolds, next), {}};
  for (const GemmPoint& point : points) split.fold.push_back(order[key(point)] % split.folds);
  return split;
}

// Whole (n, k) pairs, scattered over the folds: a hash, so that no row of the lattice is all in
// one.
GemmSplit split_by_pairs(const std::vector<GemmPoint>& points) {
  std::set<std::pair<std::int64_t, std::int64_t>> pairs;
  for (const GemmPoint& point : points) pairs.emplace(point.query.n, point.query.k);
  const int folds = std::min(kFolds, static_cast<int>(pairs.size()));
  GemmSplit split{"by (n, k)", folds, {}};
  for (const GemmPoint& point : points) {
    auto hash = static_cast<std::uint64_t>(point.query.n) * 0x9E3779B97F4A7C15ULL ^
                static_cast<std::uint64_t>(point.query.k) * 0xC2B2AE3D27D4EB4FULL;
    hash ^= hash >> 29;
    hash *= 0xBF58476D1CE4E5B9ULL;
    hash ^= hash >> 32;
    split.fold.push_back(static_cast<int>(hash % static_cast<std::uint64_t>(folds)));
  }
  return split;
}

}  // namespace

std::vector<GemmGroup> gemm_groups(const KernelRows& rows) {
  std::map<models::NumberFormat, ByKernel> formats;
  std::map<models::NumberFormat, std::int32_t> sources;
  for (const auto& row : rows.gemm) {
    if (!(row.time.value() > 0.0) || !std::isfinite(row.time.value())) continue;
    const RowSource& source = rows.sources[static_cast<std::size_t>(row.source)];
    formats[row.query.format][source.kernel].push_back({shape_of(row.query), row.time.value()});
    sources.emplace(row.query.format, row.source);
  }
  std::vector<GemmGroup> groups;
  for (auto& [format, kernels] : formats) {
    if (kernels.size() > 1 && share_shapes(kernels)) {
      for (auto& [kernel, timed] : kernels)
        groups.push_back(group_of(format, kernel, std::move(timed)));
    } else {
      std::vector<Timed> all;
      for (auto& [kernel, timed] : kernels) all.insert(all.end(), timed.begin(), timed.end());
      groups.push_back(group_of(format, "", std::move(all)));
    }
    for (GemmGroup& group : groups)
      if (group.format == format) group.source = sources[format];
  }
  return groups;
}

std::vector<GemmSplit> gemm_splits(const std::vector<GemmPoint>& points) {
  std::vector<GemmSplit> splits{
      split_by_pairs(points),
      split_by("by n", points, [](const GemmPoint& p) { return p.query.n; }),
      split_by("by k", points, [](const GemmPoint& p) { return p.query.k; }),
      split_by("by m", points, [](const GemmPoint& p) { return p.query.m; })};
  std::erase_if(splits, [](const GemmSplit& split) { return split.folds < 2; });
  return splits;
}

std::vector<double> token_knots(const std::vector<GemmPoint>& points) {
  std::set<std::int64_t> kept;
  for (const GemmPoint& point : points) {
    const std::int64_t m = point.query.m * point.query.batch * point.query.groups;
    const bool keeps = m < 16     ? (m & (m - 1)) == 0
                       : m <= 512 ? true
                                  : m > kDenseRows || m % 512 < 2;
    if (keeps) kept.insert(m);
  }
  if (kept.empty()) kept.insert(points.front().query.m);
  std::vector<double> knots;
  for (const std::int64_t m : kept) knots.push_back(std::log2(static_cast<double>(m)));
  return knots_from(std::move(knots), kMostTokenKnots);
}

}  // namespace windtunnel::calibration

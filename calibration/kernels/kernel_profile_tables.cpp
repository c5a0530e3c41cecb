// Profiles as tables: errors on held-out rows, parameters.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "calibration/kernels/kernel_calibrate.hpp"

namespace windtunnel::calibration {
namespace {

// Components of one kind in one profile, their errors weighted by rows.
struct KindSummary {
  std::vector<std::string> formats;
  std::int64_t rows = 0;
  std::string split, worst_split;
  double median = 0.0, p90 = 0.0, inside = 0.0;               // sums over rows, of the first split
  std::map<std::string, std::pair<double, double>> by_split;  // rows, sum of medians

  void add(const Component& c) {
    if (std::find(formats.begin(), formats.end(), c.format) == formats.end())
      formats.push_back(c.format);
    const HeldOutError& first = c.held_out.front();
    const auto n = static_cast<double>(first.rows);
    rows += first.rows;
    split = first.split;
    median += n * first.median;
    p90 += n * first.p90;
    inside += n * first.inside_band;
    for (const HeldOutError& e : c.held_out) {
      auto& [count, sum] = by_split[e.split];
      count += static_cast<double>(e.rows);
      sum += static_cast<double>(e.rows) * e.median;
    }
  }

  std::pair<std::string, double> worst() const {
    std::pair<std::string, double> out{"", 0.0};
    for (const auto& [name, sums] : by_split)
      if (sums.first > 0 && sums.second / sums.first >= out.second)
        out = {name, sums.second / sums.first};
    return out;
  }
};

}  // namespace

base::Table held_out_summary(const std::vector<KernelProfile>& profiles) {
  base::Table table{{"gpu", "stack", "kind", "formats", "rows", "held_out", "median_abs_error",
                     "p90_abs_error", "inside_band", "hardest_split", "hardest_median_abs_error"},
                    {}};
  for (const KernelProfile& profile : profiles) {
    std::vector<std::string> order;
    std::map<std::string, KindSummary> kinds;
    for (const Component& c : profile.components) {
      if (c.held_out.empty() || c.held_out.front().rows == 0) continue;
      if (!kinds.contains(c.kind)) order.push_back(c.kind);
      kinds[c.kind].add(c);
    }
    for (const std::string& kind : order) {
      const KindSummary& k = kinds.at(kind);
      const auto n = static_cast<double>(k.rows);
      const auto [split, hardest] = k.worst();
      table.rows.push_back({profile.gpu, profile.stack, kind,
                            fmt::format("{}", fmt::join(k.formats, ", ")), k.rows, k.split,
                            k.median / n, k.p90 / n, k.inside / n, split, hardest});
    }
  }
  return table;
}

base::Table held_out_table(const std::vector<KernelProfile>& profiles) {
  base::Table table{
      {"gpu", "stack", "kind", "format", "kernel", "held_out", "rows", "median_abs_error",
       "p90_abs_error", "mean_abs_error", "bias", "inside_band", "band_width_median"},
      {}};
  for (const KernelProfile& profile : profiles)
    for (const Component& c : profile.components)
      for (const HeldOutError& e : c.held_out)
        table.rows.push_back({profile.gpu, profile.stack, c.kind, c.format, c.kernel, e.split,
                              e.rows, e.median, e.p90, e.mean, e.bias, e.inside_band,
                              e.band_width_median});
  return table;
}

base::Table kernel_parameters_table(const std::vector<KernelProfile>& profiles) {
  base::Table table{
      {"gpu", "stack", "kind", "format", "kernel", "parameter", "value", "standard_error", "unit"},
      {}};
  for (const KernelProfile& profile : profiles)
    for (const Component& c : profile.components)
      for (const FittedParameter& p : c.parameters)
        table.rows.push_back({profile.gpu, profile.stack, c.kind, c.format, c.kernel, p.name,
                              p.value, p.standard_error, p.unit});
  return table;
}

}  // namespace windtunnel::calibration

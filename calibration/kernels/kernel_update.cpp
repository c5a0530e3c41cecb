// calibrate --update: an old profile and new rows.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "calibration/kernels/component_access.hpp"
#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/device_sheet.hpp"
#include "calibration/kernels/kernel_calibrate.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::calibration {
namespace {

constexpr double kRowsThatSayOne = 8;
constexpr double kEnoughRows = 0.5;

// The kind and format of the component that answers a query.
using Key = std::pair<std::string, std::string>;

std::string both(models::NumberFormat products, models::NumberFormat cache) {
  return products == cache ? std::string(to_text(products))
                           : fmt::format("{}/{}", to_text(products), to_text(cache));
}

Key key_of(const models::GemmQuery& q) {
  return {"gemm", std::string(to_text(q.format))};
}
Key key_of(const models::AttentionQuery& q) {
  return {fmt::format("attention_{}", to_text(q.phase)), both(q.format, q.kv_format)};
}
Key key_of(const models::MoeQuery& q) {
  return {"moe", std::string(to_text(q.format))};
}
Key key_of(const models::MemoryQuery& q) {
  return {"memory", std::string(to_text(q.op))};
}
Key key_of(const models::LaunchQuery& q) {
  return {"launch", std::string(to_text(q.kind))};
}
Key key_of(const models::CopyQuery& q) {
  return {"copy", std::string(to_text(q.direction))};
}
Key key_of(const models::FusedAllReduceQuery& q) {
  return {"all_reduce", q.dispatch == models::DispatchMode::eager ? "eager" : "graph"};
}

bool covers(const Component& fresh, const Component& old) {
  if (static_cast<double>(fresh.rows_used) < kEnoughRows * static_cast<double>(old.rows_used))
    return false;
  return std::all_of(old.ranges.begin(), old.ranges.end(), [&](const auto& range) {
    return octaves_outside(fresh, range.first, range.second.first) < 1 &&
           octaves_outside(fresh, range.first, range.second.second) < 1;
  });
}

void set_parameter(Component& component, const std::string& name, double value, double error,
                   const char* unit) {
  for (FittedParameter& p : component.parameters) {
    if (p.name != name) continue;
    p.value = value;
    p.standard_error = error;
    return;
  }
  component.parameters.push_back({name, value, error, unit});
}

// Multiplies the component's times so that the new rows are met in the median.
void rescale(Component& component, const std::vector<double>& log_ratios) {
  const auto n = static_cast<double>(log_ratios.size());
  const double median = base::quantile(log_ratios, 0.5);
  std::vector<double> misses;
  for (const double ratio : log_ratios) misses.push_back(std::abs(ratio - median));
  const double error = 1.2533 * 1.4826 * base::quantile(misses, 0.5) / std::sqrt(n);
  const double shift = median * n / (n + kRowsThatSayOne);
  const double scale = parameter_or(component, "scale", 1.0) * std::exp(shift);
  set_parameter(component, "scale", scale, scale * error, "1");
  component.rows_used += static_cast<std::int64_t>(log_ratios.size());
}

}  // namespace

KernelCalibration update_kernels(const KernelProfile& old, const KernelRows& rows,
                                 const KernelCalibrateOptions& options) {
  KernelRows own = rows;
  for (RowSource& source : own.sources) {
    if (source.gpu != old.gpu && !source.gpu.empty()) continue;
    source.gpu = old.gpu;
    source.stack = old.stack;  // what is updated is this profile, whatever the rows' own version
  }
  KernelCalibration fresh = calibrate_kernels(own, options);
  std::erase_if(fresh.profiles, [&](const KernelProfile& p) { return p.gpu != old.gpu; });
  KernelCalibration out;
  out.diagnostics = fresh.diagnostics;
  if (fresh.profiles.empty()) {
    out.diagnostics.error({}, fmt::format("no row is of {}, the GPU of {}", old.gpu, old.name));
    return out;
  }
  const auto sheet = sheet_of(old);
  if (!sheet) {
    out.diagnostics.error({}, fmt::format("{} has no data sheet of {}", old.name, old.gpu));
    return out;
  }
  std::map<Key, std::vector<double>> ratios;
  const DeviceModel model({old}, *sheet);
  for_each_kind(own, [&](const auto& kind) {
    for (const auto& row : kind)
      if (own.sources[static_cast<std::size_t>(row.source)].gpu == old.gpu)
        ratios[key_of(row.query)].push_back(
            std::log(row.time.value() / model.time(row.query).time.value()));
  });
  KernelProfile made = old;
  made.date = options.date;
  made.tool_version = options.tool_version;
  for (const MeasurementFile& file : fresh.profiles[0].files) made.files.push_back(file);
  for (const Component& component : fresh.profiles[0].components) {
    const auto found =
        std::find_if(made.components.begin(), made.components.end(), [&](const Component& c) {
          return c.kind == component.kind && c.format == component.format &&
                 (c.kernel == component.kernel || c.kernel.empty() || component.kernel.empty());
        });
    if (found == made.components.end())
      made.components.push_back(component);
    else if (covers(component, *found))
      *found = component;
  }
  for (Component& component : made.components) {
    const auto mine = ratios.find({component.kind, component.format});
    const Component* before = old.find(component.kind, component.format, component.kernel);
    const bool kept = before != nullptr && before->rows_used == component.rows_used;
    if (mine != ratios.end() && kept) rescale(component, mine->second);
  }
  out.profiles.push_back(std::move(made));
  return out;
}

}  // namespace windtunnel::calibration

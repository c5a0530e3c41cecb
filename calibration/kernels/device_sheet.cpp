#include "calibration/kernels/device_sheet.hpp"

#include <map>

#include "calibration/kernels/component_access.hpp"
#include "models/gpu_library.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::calibration {
namespace {

constexpr double kShare = 0.98, kHeadroom = 1.05;
constexpr std::string_view kPeak = "peak/";

double best(std::vector<double> rates) {
  return rates.empty() ? 0.0 : kHeadroom * base::quantile(std::move(rates), kShare);
}

}  // namespace

std::optional<sim::Gpu> sheet_from_rows(const KernelRows& rows, const std::string& name) {
  std::map<std::string, std::vector<double>> math;
  std::vector<double> memory, gemm_traffic, host;
  for (const auto& row : rows.gemm) {
    math[std::string(models::math_peak(row.query.format))].push_back(
        models::flops(row.query).value() / row.time.value());
    gemm_traffic.push_back(models::bytes(row.query).value() / row.time.value());
  }
  for (const auto& row : rows.memory) memory.push_back(row.query.bytes.value() / row.time.value());
  for (const auto& row : rows.copy)
    if (row.query.direction != models::CopyDirection::device_to_device)
      host.push_back(row.query.bytes.value() / row.time.value());
  if (math.empty() && memory.empty()) return std::nullopt;
  sim::Gpu out;
  out.name = name;
  for (const auto& [format, rates] : math) out.peak[format] = base::FlopsPerSecond(best(rates));
  const double bandwidth = memory.empty() ? best(gemm_traffic) : best(memory);
  out.memory_bandwidth = base::BytesPerSecond(bandwidth);
  // No GEMM was measured: a balance of 20 FLOP a byte, as of a CPU in single precision.
  if (out.peak.empty()) out.peak["fp32"] = base::FlopsPerSecond(20 * bandwidth);
  out.pcie_bandwidth = base::BytesPerSecond(best(host));
  out.streaming_multiprocessors = 1;
  out.l2_cache = base::Bytes(1 << 20);
  out.source = "greatest rates of its own rows";
  return out;
}

Component sheet_component(const sim::Gpu& gpu) {
  Component out;
  out.kind = "sheet";
  const auto add = [&](std::string name, double value, const char* unit) {
    out.parameters.push_back({std::move(name), value, 0.0, unit});
  };
  for (const auto& [format, peak] : gpu.peak)
    add(std::string(kPeak) + format, peak.value(), "FLOP/s");
  add("memory_bandwidth", gpu.memory_bandwidth.value(), "B/s");
  add("pcie_bandwidth", gpu.pcie_bandwidth.value(), "B/s");
  add("nvlink_bandwidth", gpu.nvlink_bandwidth.value(), "B/s");
  add("streaming_multiprocessors", gpu.streaming_multiprocessors, "1");
  add("l2_cache", gpu.l2_cache.value(), "B");
  return out;
}

std::optional<sim::Gpu> sheet_of(const KernelProfile& profile) {
  for (const Component& component : profile.components) {
    if (component.kind != "sheet") continue;
    sim::Gpu out;
    out.name = profile.gpu;
    for (const FittedParameter& p : component.parameters)
      if (p.name.starts_with(kPeak))
        out.peak[p.name.substr(kPeak.size())] = base::FlopsPerSecond(p.value);
    out.memory_bandwidth = base::BytesPerSecond(parameter_or(component, "memory_bandwidth", 1e9));
    out.pcie_bandwidth = base::BytesPerSecond(parameter_or(component, "pcie_bandwidth", 0));
    out.nvlink_bandwidth = base::BytesPerSecond(parameter_or(component, "nvlink_bandwidth", 0));
    out.streaming_multiprocessors =
        static_cast<int>(parameter_or(component, "streaming_multiprocessors", 1));
    out.l2_cache = base::Bytes(parameter_or(component, "l2_cache", 0));
    return out;
  }
  return models::gpu_named(profile.gpu);
}

}  // namespace windtunnel::calibration

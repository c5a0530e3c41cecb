#include "models/kernels/copy_form.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"

namespace windtunnel::models {

namespace {
constexpr double kPcie3 = 15.75e9;  // x16, one direction
}

double copy_link_rate(const sim::Gpu& gpu, CopyDirection direction) {
  const double host = gpu.pcie_bandwidth.value() > 0.0 ? gpu.pcie_bandwidth.value() : kPcie3;
  switch (direction) {
    case CopyDirection::host_to_device:
    case CopyDirection::device_to_host:
    case CopyDirection::host_to_device_pageable:
    case CopyDirection::device_to_host_pageable:
      return host;
    case CopyDirection::device_to_device:
      return gpu.memory_bandwidth.value() / 2;  // read and write
    case CopyDirection::peer:
      return gpu.nvlink_bandwidth.value() > 0.0 ? gpu.nvlink_bandwidth.value() : host;
    case CopyDirection::peer_both_ways:
      // Bytes of one direction while the other runs too.
      return gpu.nvlink_bandwidth.value() > 0.0 ? gpu.nvlink_bandwidth.value() : host;
  }
  return host;
}

CopyParameters default_copy_parameters(CopyDirection direction) {
  switch (direction) {
    case CopyDirection::host_to_device:
    case CopyDirection::device_to_host:
      return {.latency = 8e-6, .efficiency = 0.86};
    case CopyDirection::host_to_device_pageable:
    case CopyDirection::device_to_host_pageable:
      return {.latency = 15e-6, .efficiency = 0.3};
    case CopyDirection::device_to_device:
      return {.latency = 2.5e-6, .efficiency = 0.85};
    case CopyDirection::peer:
      return {.latency = 10e-6, .efficiency = 0.85};
    case CopyDirection::peer_both_ways:
      return {.latency = 12e-6, .efficiency = 0.8};
  }
  return {};
}

CopyForm::CopyForm(const sim::Gpu& gpu, CopyDirection direction, const CopyParameters& parameters)
    : latency_(parameters.latency),
      inverse_rate_(1.0 / (copy_link_rate(gpu, direction) * parameters.efficiency)),
      p_(parameters.sharpness) {
  base::expects(latency_ > 0.0 && inverse_rate_ > 0.0 && p_ > 0.0,
                "parameters of a copy are positive");
}

double CopyForm::time(double bytes) const {
  const double transfer = bytes * inverse_rate_;
  if (p_ == 1.0) return latency_ + transfer;
  const double larger = std::max(latency_, transfer), smaller = std::min(latency_, transfer);
  return larger * std::pow(1.0 + std::pow(smaller / larger, p_), 1.0 / p_);
}

double default_launch_time(LaunchKind kind) {
  switch (kind) {
    case LaunchKind::kernel:
      return 4e-6;
    case LaunchKind::graph_node:
      return 1.3e-6;
    case LaunchKind::graph:
      return 8e-6;
    case LaunchKind::event:
      return 1e-6;
    case LaunchKind::stream_sync:
      return 8e-6;
    case LaunchKind::device_sync:
      return 9e-6;
    case LaunchKind::thread:
      return 15e-6;
    case LaunchKind::fork:
      return 300e-6;
  }
  return 5e-6;
}

}  // namespace windtunnel::models

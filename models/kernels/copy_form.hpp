// Copies between host and device, inside a device, and between devices; and the cost of launches.
//
// Copy: time(b) = (latency^p + (b / rate)^p)^(1/p), a rate for each direction as a share of the link
// in the data sheet (PCIe or NVLink-C2C to the host, memory twice inside a device, NVLink else PCIe
// to a peer). Pageable host memory goes through a pinned staging buffer: less than half the rate and
// a higher start (NVIDIA, CUDA C++ Best Practices Guide, section "Pinned Memory").
// Launch: one time a kind; a kernel's is what the stream needs between two dependent empty kernels,
// a graph node's the same inside a graph, thread and fork those of a host.
#pragma once

#include <string_view>

#include "models/kernels/kernel_query.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

struct CopyParameters {
  double latency = 8e-6;     // s
  double efficiency = 0.85;  // of the link's rate
  double sharpness = 1.0;    // p
};

class CopyForm {
 public:
  CopyForm(const sim::Gpu& gpu, CopyDirection direction, const CopyParameters& parameters);
  double time(double bytes) const;  // s

 private:
  double latency_ = 0, inverse_rate_ = 0, p_ = 1;
};

// The rate of the data sheet that a direction runs over, bytes/s; `peer` falls back to PCIe where
// there is no NVLink, and what a sheet does not know is PCIe 3.0 x16.
double copy_link_rate(const sim::Gpu& gpu, CopyDirection direction);
CopyParameters default_copy_parameters(CopyDirection direction);

// Times of launches where nothing was measured: CUDA on a server of 2020 or later.
double default_launch_time(LaunchKind kind);

}  // namespace windtunnel::models

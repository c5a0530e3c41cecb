// Time of a kernel that is bound by memory traffic, and of a copy: a floor, a slope, a knee.
//
//   traffic(b) = b / l2_rate + max(0, b - knee) / dram_rate
//   time(b)    = (floor^p + traffic(b)^p)^(1/p)
// b: bytes read and written; floor: launch and drain of a kernel that moves nothing; knee: bytes that
// the L2 still serves (about its size, as far as the producer left them there); p: how sharply the
// floor gives way to the slope (2: quadrature). Efficiencies are shares of the data sheet's memory
// bandwidth, one set an op: a norm does not reach what an add does. Copies over PCIe or NVLink are
// the same with l2_rate alone and no knee.
// Laws (tests): rises with b; never below floor nor below b / (l2 or DRAM rate). Source of the knee:
// roofline with cache levels (Ilic, Pratas, Sousa, "Cache-aware Roofline model", IEEE CAL 2014).
#pragma once

#include <string_view>

#include "models/kernels/kernel_query.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

struct MemoryParameters {
  double floor = 2e-6;            // s
  double dram_efficiency = 0.80;  // of the data sheet's bandwidth, beyond the knee
  double l2_ratio = 2.0;          // rate out of L2 over the data sheet's DRAM bandwidth
  double knee = 0.6;              // of the L2's size
  double sharpness = 2.0;         // p
};

class MemoryForm {
 public:
  MemoryForm(const sim::Gpu& gpu, const MemoryParameters& parameters);
  double time(double bytes) const;  // s

 private:
  double floor_ = 0, inverse_l2_ = 0, inverse_dram_ = 0, knee_ = 0, p_ = 2, inverse_p_ = 0.5;
};

// A GPU without tables: what its nearest relative reached, carried by the data sheet.
struct DefaultMemory {
  MemoryParameters parameters;
  double log_spread = 0.35;
  std::string_view relative;
};
DefaultMemory default_memory_parameters(const sim::Gpu& gpu, MemoryOp op);

}  // namespace windtunnel::models

#include "models/kernels/memory_form.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"

namespace windtunnel::models {
namespace {

constexpr double kUnknownL2 = 4.0 * 1024 * 1024;  // where a sheet does not give one: as on a T4

// Median shares of the data sheet's bandwidth that large inputs reached, by op: Vidur's layers on
// A100 and H100 (norms, rotary, activation, add, embedding); ops without rows take the nearest kind.
double dram_share(MemoryOp op) {
  switch (op) {
    case MemoryOp::copy:
    case MemoryOp::fill:
    case MemoryOp::add:
    case MemoryOp::optimizer:
    case MemoryOp::cast:
      return 0.88;
    case MemoryOp::gelu:
    case MemoryOp::residual_dropout:
    case MemoryOp::kv_write:
    case MemoryOp::swiglu:
      return 0.75;
    case MemoryOp::layer_norm:
    case MemoryOp::rms_norm:
    case MemoryOp::softmax:
    case MemoryOp::cross_entropy:
    case MemoryOp::rotary:
    case MemoryOp::sampling:
      return 0.6;
    case MemoryOp::embedding:
      return 0.5;
  }
  return 0.6;
}

}  // namespace

MemoryForm::MemoryForm(const sim::Gpu& gpu, const MemoryParameters& parameters)
    : floor_(parameters.floor), p_(parameters.sharpness), inverse_p_(1.0 / parameters.sharpness) {
  base::expects(gpu.memory_bandwidth.value() > 0.0, "a GPU has a memory bandwidth");
  base::expects(parameters.floor > 0.0 && parameters.dram_efficiency > 0.0 &&
                    parameters.l2_ratio > 0.0 && parameters.sharpness > 0.0,
                "parameters of a memory-bound op are positive");
  const double bandwidth = gpu.memory_bandwidth.value();
  const double l2_rate = std::max(parameters.l2_ratio, parameters.dram_efficiency) * bandwidth;
  inverse_l2_ = 1.0 / l2_rate;
  // Beyond the knee a byte costs what DRAM takes in all: its way through the L2 is part of that.
  inverse_dram_ = std::max(0.0, 1.0 / (parameters.dram_efficiency * bandwidth) - inverse_l2_);
  const double l2 = gpu.l2_cache.value() > 0.0 ? gpu.l2_cache.value() : kUnknownL2;
  knee_ = parameters.knee * l2;
}

double MemoryForm::time(double bytes) const {
  const double traffic = bytes * inverse_l2_ + std::max(0.0, bytes - knee_) * inverse_dram_;
  if (p_ == 1.0) return floor_ + traffic;
  // Scaled by the larger, so that no power over- or underflows.
  const double larger = std::max(floor_, traffic), smaller = std::min(floor_, traffic);
  return larger * std::pow(1.0 + std::pow(smaller / larger, p_), inverse_p_);
}

DefaultMemory default_memory_parameters(const sim::Gpu& gpu, MemoryOp op) {
  DefaultMemory out;
  out.parameters.dram_efficiency = dram_share(op);
  const bool old = gpu.architecture == "volta" || gpu.architecture == "turing";
  out.parameters.floor = old ? 3.5e-6 : 2.5e-6;
  // 4.0 to 4.3 of the 5.3 TB/s of a MI300X in published streams of copies.
  constexpr double kCdnaShare = 0.8 / 0.88;
  if (gpu.architecture.starts_with("cdna")) out.parameters.dram_efficiency *= kCdnaShare;
  out.relative = gpu.architecture == "ampere" || old ? "a100-sxm-80gb" : "h100-sxm";
  return out;
}

}  // namespace windtunnel::models

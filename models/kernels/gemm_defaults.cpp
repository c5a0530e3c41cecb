#include <array>

#include "models/kernels/gemm_form.hpp"

namespace windtunnel::models {
namespace {

enum class Width { sixteen, eight, block, four };

Width width_of(NumberFormat format) {
  switch (format) {
    case NumberFormat::fp8:
    case NumberFormat::int8:
      return Width::eight;
    case NumberFormat::fp8_block:
    case NumberFormat::mxfp8:
    case NumberFormat::int4_fp8:
    case NumberFormat::mxfp4_mxfp8:
      return Width::block;
    case NumberFormat::nvfp4:
      return Width::four;
    case NumberFormat::fp64:
    case NumberFormat::fp32:
    case NumberFormat::tf32:
    case NumberFormat::fp16:
    case NumberFormat::bf16:
    case NumberFormat::int8_weights:
    case NumberFormat::int4_weights:
    case NumberFormat::mxfp4_weights:
      return Width::sixteen;
  }
  return Width::sixteen;
}

// Medians over the stacks of each relative of what calibration found on its tables (calibration/
// README.md says how). `launch` is the kernel's own; what a stack adds before it (quantization of
// activations, eager dispatch) is not carried over.
struct Relative {
  std::string_view architecture, name;
  Width width;
  GemmParameters parameters;
};
const std::array kRelatives{
    Relative{"ampere",
             "a100-sxm-80gb bf16",
             Width::sixteen,
             {.launch = 2.7e-6,
              .efficiency = 1.05,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 3.4,
              .l2_share = 0.3,
              .tile = 2.3e-6,
              .load = 21,
              .quantization = 0.3,
              .split = 2.6e-6,
              .overlap = 0.3,
              .throttle = 0.01}},
    Relative{"ampere",
             "a100-sxm-80gb int8",
             Width::eight,
             {.launch = 4e-6,
              .efficiency = 1.05,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 5,
              .l2_share = 0.3,
              .tile = 2.1e-6,
              .load = 34,
              .quantization = 0.2,
              .split = 5e-6,
              .overlap = 0.3,
              .throttle = 0.01}},
    Relative{"hopper",
             "h100-sxm bf16",
             Width::sixteen,
             {.launch = 2.5e-6,
              .efficiency = 1.05,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 4.2,
              .l2_share = 0.3,
              .tile = 0.95e-6,
              .load = 28,
              .quantization = 0.05,
              .split = 3e-6,
              .overlap = 0.14,
              .throttle = 0.03}},
    Relative{"hopper",
             "h100-sxm fp8",
             Width::eight,
             {.launch = 4.5e-6,
              .efficiency = 1.05,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 4.7,
              .l2_share = 0.3,
              .tile = 1.7e-6,
              .load = 40,
              .quantization = 0.2,
              .split = 5e-6,
              .overlap = 0.2,
              .throttle = 0.1}},
    Relative{"hopper",
             "h100-sxm fp8_block",
             Width::block,
             {.launch = 4.0e-6,
              .efficiency = 1.05,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 6,
              .l2_share = 0.3,
              .tile = 1.5e-6,
              .load = 70,
              .quantization = 0.15,
              .split = 10e-6,
              .overlap = 0.5,
              .throttle = 0.02}},
    Relative{"blackwell",
             "b200-sxm bf16",
             Width::sixteen,
             {.launch = 2.1e-6,
              .efficiency = 1.05,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 3.2,
              .l2_share = 0.3,
              .tile = 0.56e-6,
              .load = 48,
              .quantization = 0.05,
              .split = 3.4e-6,
              .overlap = 0.2,
              .throttle = 0.05}},
    Relative{"blackwell",
             "b200-sxm fp8",
             Width::eight,
             {.launch = 5e-6,
              .efficiency = 1.05,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 3,
              .l2_share = 0.3,
              .tile = 1.5e-6,
              .load = 52,
              .quantization = 0.05,
              .split = 8e-6,
              .overlap = 0.2,
              .throttle = 0.05}},
    Relative{"blackwell",
             "b200-sxm fp8_block",
             Width::block,
             {.launch = 5e-6,
              .efficiency = 1.05,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 3.6,
              .l2_share = 0.3,
              .tile = 0.82e-6,
              .load = 57,
              .quantization = 0.05,
              .split = 10e-6,
              .overlap = 0.3,
              .throttle = 0.02}},
    Relative{"blackwell",
             "b200-sxm nvfp4",
             Width::four,
             {.launch = 6e-6,
              .efficiency = 1.05,
              .dram_efficiency = 0.9,
              .l2_bandwidth = 1.8,
              .l2_share = 0.4,
              .tile = 0.5e-6,
              .load = 110,
              .quantization = 0.05,
              .split = 10e-6,
              .overlap = 0.27,
              .throttle = 0.02}},
    Relative{"ada",
             "l40s bf16",
             Width::sixteen,
             {.launch = 1.6e-6,
              .efficiency = 1.05,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 3.3,
              .l2_share = 0.75,
              .tile = 1.8e-6,
              .load = 32,
              .quantization = 0.35,
              .split = 2.2e-6,
              .overlap = 0.37,
              .throttle = 0.15}},
    Relative{"ada",
             "l40s fp8",
             Width::eight,
             {.launch = 3e-6,
              .efficiency = 0.9,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 2.8,
              .l2_share = 0.75,
              .tile = 2e-6,
              .load = 15,
              .quantization = 0.3,
              .split = 4e-6,
              .overlap = 0.3,
              .throttle = 0.35}},
    Relative{"ada",
             "l40s fp8_block",
             Width::block,
             {.launch = 2e-6,
              .efficiency = 0.75,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 2.4,
              .l2_share = 0.85,
              .tile = 3e-6,
              .load = 20,
              .quantization = 0.1,
              .split = 10e-6,
              .overlap = 0.2,
              .throttle = 0.5}},
};

// Volta and Turing tensor cores are fed by Ampere's scheme, without its asynchronous copies;
// Blackwell for desktops keeps Ada's (mma.sync, no tensor memory).
std::string_view relative_architecture(const sim::Gpu& gpu) {
  if (gpu.architecture == "volta" || gpu.architecture == "turing") return "ampere";
  if (gpu.architecture == "blackwell" && gpu.nvlink_links == 0) return "ada";
  return gpu.architecture;
}

}  // namespace

DefaultGemm default_gemm_parameters(const sim::Gpu& gpu, NumberFormat format) {
  const std::string_view architecture = relative_architecture(gpu);
  const Width width = width_of(format);
  const Relative* best = &kRelatives[0];
  int best_score = -1;
  for (const Relative& relative : kRelatives) {
    const int score = (relative.architecture == architecture ? 2 : 0) + (relative.width == width);
    if (score > best_score) {
      best = &relative;
      best_score = score;
    }
  }
  DefaultGemm found{best->parameters, 0.35, best->name};
  if (best->architecture != gpu.architecture) found.log_spread += 0.15;
  if (best->width != width) found.log_spread += 0.15;
  if (math_rate(gpu, format).widened) found.log_spread += 0.1;
  return found;
}

}  // namespace windtunnel::models

#include <array>

#include "models/kernels/gemm_form.hpp"

namespace windtunnel::models {
namespace {

enum class Board { server, desktop };
enum class Width { sixteen, weights, eight, block, four };

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
      return Width::sixteen;
    case NumberFormat::int8_weights:
    case NumberFormat::int4_weights:
    case NumberFormat::mxfp4_weights:
      return Width::weights;
  }
  return Width::sixteen;
}

// Medians over the stacks of each relative of what calibration found on its tables (the test
// GemmHoldOut.DISABLED_TableOfEveryGpuStackAndFormat prints them). `launch` is the kernel's own:
// what a stack adds before it (quantization of activations, eager dispatch) is not carried over.
struct Relative {
  std::string_view architecture, name;
  Width width;
  Board board;
  double rate;  // dense math peak over SMs, FLOP/s
  GemmParameters parameters;
};
const std::array kRelatives{
    Relative{"ampere",
             "a100-sxm-80gb bf16",
             Width::sixteen,
             Board::server,
             2.89e+12,
             {.launch = 2.4e-06,
              .efficiency = 0.97,
              .dram_efficiency = 0.815,
              .l2_bandwidth = 4.5,
              .l2_share = 0.15,
              .tile = 2.3e-06,
              .load = 60,
              .quantization = 0.4,
              .split = 2.6e-06,
              .overlap = 0.365,
              .throttle = 0.005}},
    Relative{"ampere",
             "a100-sxm-80gb int8",
             Width::eight,
             Board::server,
             5.78e+12,
             {.launch = 4e-06,
              .efficiency = 0.89,
              .dram_efficiency = 0.93,
              .l2_bandwidth = 2.5,
              .l2_share = 0.14,
              .tile = 2.9e-06,
              .load = 86,
              .quantization = 0.3,
              .split = 2e-05,
              .overlap = 0.23,
              .throttle = 0.003}},
    Relative{"ampere",
             "a100-sxm-80gb int8_weights",
             Width::weights,
             Board::server,
             2.89e+12,
             {.launch = 4e-06,
              .efficiency = 0.86,
              .dram_efficiency = 0.8,
              .l2_bandwidth = 4,
              .l2_share = 0.12,
              .tile = 2e-06,
              .load = 90,
              .quantization = 0.15,
              .split = 2e-05,
              .overlap = 0.05,
              .throttle = 0.005}},
    Relative{"hopper",
             "h100-sxm bf16",
             Width::sixteen,
             Board::server,
             7.5e+12,
             {.launch = 2.2e-06,
              .efficiency = 0.97,
              .dram_efficiency = 0.845,
              .l2_bandwidth = 2.5,
              .l2_share = 0.34,
              .tile = 1.15e-06,
              .load = 80,
              .quantization = 0.03,
              .split = 2.8e-06,
              .overlap = 0.22,
              .throttle = 0.24}},
    Relative{"hopper",
             "h100-sxm fp8",
             Width::eight,
             Board::server,
             1.5e+13,
             {.launch = 4.3e-06,
              .efficiency = 0.95,
              .dram_efficiency = 0.85,
              .l2_bandwidth = 1.8,
              .l2_share = 0.2,
              .tile = 1.6e-06,
              .load = 60,
              .quantization = 0.3,
              .split = 1e-05,
              .overlap = 0.27,
              .throttle = 0.2}},
    Relative{"hopper",
             "h100-sxm fp8_block",
             Width::block,
             Board::server,
             1.5e+13,
             {.launch = 3.2e-06,
              .efficiency = 0.75,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 2.5,
              .l2_share = 0.25,
              .tile = 1.8e-06,
              .load = 250,
              .quantization = 0.4,
              .split = 5e-05,
              .overlap = 0.52,
              .throttle = 0.13}},
    Relative{"blackwell",
             "b200-sxm bf16",
             Width::sixteen,
             Board::server,
             1.52e+13,
             {.launch = 1.9e-06,
              .efficiency = 0.88,
              .dram_efficiency = 0.83,
              .l2_bandwidth = 2,
              .l2_share = 0.45,
              .tile = 5e-07,
              .load = 200,
              .quantization = 0.03,
              .split = 3e-06,
              .overlap = 0.36,
              .throttle = 0.35}},
    Relative{"blackwell",
             "b200-sxm fp8",
             Width::eight,
             Board::server,
             3.04e+13,
             {.launch = 4.9e-06,
              .efficiency = 0.9,
              .dram_efficiency = 0.82,
              .l2_bandwidth = 1.7,
              .l2_share = 0.4,
              .tile = 1.5e-06,
              .load = 250,
              .quantization = 0.3,
              .split = 1e-05,
              .overlap = 0.33,
              .throttle = 0.2}},
    Relative{"blackwell",
             "b200-sxm fp8_block",
             Width::block,
             Board::server,
             3.04e+13,
             {.launch = 5.2e-06,
              .efficiency = 0.85,
              .dram_efficiency = 0.9,
              .l2_bandwidth = 1.6,
              .l2_share = 0.15,
              .tile = 1.05e-06,
              .load = 250,
              .quantization = 0.03,
              .split = 3e-05,
              .overlap = 0.43,
              .throttle = 0.4}},
    Relative{"blackwell",
             "b200-sxm nvfp4",
             Width::four,
             Board::server,
             6.08e+13,
             {.launch = 6.8e-06,
              .efficiency = 0.65,
              .dram_efficiency = 0.8,
              .l2_bandwidth = 1.6,
              .l2_share = 0.4,
              .tile = 8.5e-07,
              .load = 250,
              .quantization = 0.4,
              .split = 2e-05,
              .overlap = 0.47,
              .throttle = 0.3}},
    Relative{"ada",
             "l40s bf16",
             Width::sixteen,
             Board::server,
             2.55e+12,
             {.launch = 1.3e-06,
              .efficiency = 0.79,
              .dram_efficiency = 0.805,
              .l2_bandwidth = 3.1,
              .l2_share = 0.79,
              .tile = 1.8e-06,
              .load = 34,
              .quantization = 0.32,
              .split = 2e-06,
              .overlap = 0.37,
              .throttle = 0.19}},
    Relative{"ada",
             "l40s fp8",
             Width::eight,
             Board::server,
             5.16e+12,
             {.launch = 3e-06,
              .efficiency = 0.75,
              .dram_efficiency = 0.78,
              .l2_bandwidth = 2.6,
              .l2_share = 0.8,
              .tile = 1.3e-06,
              .load = 12,
              .quantization = 0.3,
              .split = 4e-06,
              .overlap = 0.38,
              .throttle = 0.39}},
    Relative{"ada",
             "l40s fp8_block",
             Width::block,
             Board::server,
             5.16e+12,
             {.launch = 2e-06,
              .efficiency = 0.6,
              .dram_efficiency = 0.75,
              .l2_bandwidth = 2.2,
              .l2_share = 0.9,
              .tile = 4e-06,
              .load = 42,
              .quantization = 0.05,
              .split = 5e-05,
              .overlap = 0.1,
              .throttle = 0.57}},
    Relative{"ada",
             "rtx-4090 bf16",
             Width::sixteen,
             Board::desktop,
             1.29e12,
             {.launch = 4e-6,
              .efficiency = 0.98,
              .dram_efficiency = 0.95,
              .l2_bandwidth = 3,
              .l2_share = 0.79,
              .tile = 2.4e-6,
              .load = 4,
              .quantization = 0.3,
              .split = 2e-6,
              .overlap = 0.2,
              .throttle = 0.02}},
    Relative{"blackwell",
             "rtx-pro-6000 bf16",
             Width::sixteen,
             Board::desktop,
             2.14e12,
             {.launch = 2e-6,
              .efficiency = 0.97,
              .dram_efficiency = 0.84,
              .l2_bandwidth = 4,
              .l2_share = 0.5,
              .tile = 5e-6,
              .load = 8.5,
              .quantization = 0.36,
              .split = 5e-6,
              .overlap = 0.29,
              .throttle = 0.02}},
    // CDNA: hipBLASLt, set on AMD's published sustained products (power_limit.hpp has the sources and
    // the limit, so `throttle` is 0): between the best shape of a search (831 TFLOP/s of bf16 on
    // MI325X; 94 % of what the clock allows) and ten fixed shapes of DeepSeek-V3 (616). No table.
    Relative{"cdna3",
             "mi325x bf16",
             Width::sixteen,
             Board::server,
             4.3e12,
             {.launch = 5e-06,
              .efficiency = 0.88,
              .dram_efficiency = 0.8,
              .l2_bandwidth = 2,
              .l2_share = 0.4,
              .tile = 3e-6,
              .load = 150,
              .quantization = 0.6,
              .split = 1e-05,
              .overlap = 0.5,
              .throttle = 0}},
    Relative{"cdna3",
             "mi325x fp8",
             Width::eight,
             Board::server,
             8.6e12,
             {.launch = 6e-06,
              .efficiency = 0.9,
              .dram_efficiency = 0.8,
              .l2_bandwidth = 2,
              .l2_share = 0.4,
              .tile = 2e-06,
              .load = 120,
              .quantization = 0.4,
              .split = 1e-05,
              .overlap = 0.4,
              .throttle = 0}},
    Relative{"cdna4",
             "mi355x bf16",
             Width::sixteen,
             Board::server,
             9.83e12,
             {.launch = 5e-06,
              .efficiency = 0.9,
              .dram_efficiency = 0.8,
              .l2_bandwidth = 2,
              .l2_share = 0.4,
              .tile = 1e-6,
              .load = 90,
              .quantization = 0.3,
              .split = 1e-05,
              .overlap = 0.3,
              .throttle = 0}},
    Relative{"cdna4",
             "mi355x fp8",
             Width::eight,
             Board::server,
             1.966e13,
             {.launch = 6e-06,
              .efficiency = 0.94,
              .dram_efficiency = 0.8,
              .l2_bandwidth = 2,
              .l2_share = 0.4,
              .tile = 8e-7,
              .load = 100,
              .quantization = 0.1,
              .split = 1e-05,
              .overlap = 0.2,
              .throttle = 0}},
};

// Workstation and gaming boards: no NVLink fabric, no ECC traffic, lower tensor rates, power to
// spare.
Board board_of(const sim::Gpu& gpu) {
  return gpu.name.starts_with("rtx") ? Board::desktop : Board::server;
}

// Volta and Turing tensor cores are fed as Ampere's are, without its asynchronous copies. Desktop
// Ampere (GA10x) is built as Ada is, not as the A100.
std::string_view relative_architecture(const sim::Gpu& gpu) {
  if (gpu.architecture == "volta" || gpu.architecture == "turing") return "ampere";
  if (gpu.architecture == "ampere" && board_of(gpu) == Board::desktop) return "ada";
  return gpu.architecture;
}

// An SM whose math is slower than its relative's by `rate` feeds it with the same loads: what
// loading costs shrinks with it (H20 over H100: 0.25).
void slow_down_math(double rate, GemmParameters& parameters) {
  if (rate >= 0.7) return;
  parameters.load *= rate;
  parameters.efficiency = 1.0 / (1.0 + (1.0 / parameters.efficiency - 1.0) * rate);
}

}  // namespace

DefaultGemm default_gemm_parameters(const sim::Gpu& gpu, NumberFormat format) {
  const std::string_view architecture = relative_architecture(gpu);
  const Width width = width_of(format);
  const Board board = board_of(gpu);
  const Relative* best = &kRelatives[0];
  int best_score = -1;
  for (const Relative& relative : kRelatives) {
    const int score = (relative.architecture == architecture ? 4 : 0) +
                      (relative.width == width ? 2 : 0) + (relative.board == board ? 1 : 0);
    if (score > best_score) {
      best = &relative;
      best_score = score;
    }
  }
  DefaultGemm found{best->parameters, 0.25, best->name};
  const bool own_board = best->name.starts_with(gpu.name + " ");
  const MathRate rate = math_rate(gpu, format);
  if (!own_board) found.log_spread += 0.1;
  if (best->architecture != gpu.architecture) found.log_spread += 0.15;
  if (best->width != width) found.log_spread += 0.15;
  if (rate.widened) found.log_spread += 0.1;
  if (!rate.widened && best->architecture == gpu.architecture &&
      gpu.streaming_multiprocessors > 0) {
    slow_down_math(rate.peak.value() / gpu.streaming_multiprocessors / best->rate,
                   found.parameters);
  }
  // V100: 95 of 125 TFLOP/s in published CUTLASS and cuBLAS charts. T4: 70 W hold its clock at
  // about 60 % under load (Jia et al. 2019, arXiv 1903.07486, section 5).
  if (gpu.architecture == "volta") found.parameters.efficiency = 0.78;
  if (gpu.architecture == "turing") {
    found.parameters.efficiency = 0.75;
    found.parameters.throttle = 0.6;
  }
  return found;
}

}  // namespace windtunnel::models

// Which shipped kernel profile speaks for a serving engine on a GPU.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "models/kernels/kernel_time_model.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::calibration {

// The profile of this GPU and the engine's framework ("vllm 0.19.0", "TensorRT-LLM 1.0", "sglang",
// "" for any) with the nearest version; where the GPU has none of that framework, its default; where
// it has none at all, that of its nearest relative: of the same architecture, the least sum of the
// logarithms' differences of bf16 rate and memory bandwidth. Nothing where there is no relative.
std::optional<std::string> engine_profile(const sim::Gpu& gpu, const std::string& engine);

// Kernel times by that profile on this GPU's data sheet (a relative's answers are flagged as
// extrapolated), or the roofline where there is none.
std::shared_ptr<const models::KernelTimeModel> engine_kernels(const sim::Gpu& gpu,
                                                              const std::string& engine);

}  // namespace windtunnel::calibration

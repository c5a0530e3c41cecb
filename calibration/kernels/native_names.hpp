// What the names in published tables mean here: devices, software stacks, number formats.
//
// Contract: a name that is not known is nothing (or given back as written); the caller says so with
// the row's line. Spellings are those of the tables (aiconfigurator, InferSim, LLMServingSim,
// Vidur); case does not matter.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "models/kernels/number_format.hpp"

namespace windtunnel::calibration {

// "NVIDIA H100 80GB HBM3", "h100", "h100_sxm" -> "h100-sxm"; as written where it is none of ours.
std::string gpu_of_device(std::string_view device);

// ("TRTLLM", "1.3.0rc20") -> "trtllm 1.3.0rc20".
std::string stack_text(std::string_view framework, std::string_view version);

// The format names of aiconfigurator's tables (gemm_dtype, moe_dtype, attn_dtype, kv_cache_dtype):
// "bfloat16", "fp8_block", "int8_wo", "w4a16_mxfp4", "nvfp4" ...
std::optional<models::NumberFormat> aiconfigurator_format(std::string_view dtype);

}  // namespace windtunnel::calibration

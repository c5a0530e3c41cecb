// The GPU data sheets that ship with the program (models/gpus/*.yaml), as values.
//
// Contract: names are those of `windtunnel list gpus`, in alphabetical order; a sheet is parsed on
// each call (a tenth of a millisecond): keep it. The sheets are sound (tests/models checks them), so
// one that cannot be read is a bug, not a user's mistake.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

std::vector<std::string> gpu_names();
std::optional<sim::Gpu> gpu_named(std::string_view name);

// The entry of this sheet's peaks that a math format ("fp8") runs at: its own, else that of the format
// it would run in instead. Empty for a sheet without any of these.
std::string math_run_as(const sim::Gpu& gpu, std::string_view math);

// The best dense peak of this sheet for a math format ("fp8"); where the sheet has none, that of the
// format the product would run in instead (fp8 on Ampere: fp16; tf32 on Volta: fp32). 0 only for a
// sheet without any peak.
base::FlopsPerSecond peak_of(const sim::Gpu& gpu, std::string_view math);

}  // namespace windtunnel::models

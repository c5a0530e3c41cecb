// Kernel profiles as users name them: by a name of `list profiles`, by a GPU (its default stack), or
// by a path ending in .yaml.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "calibration/kernels/kernel_profile.hpp"

namespace windtunnel::scenarios {

// Nothing where it names something else (a fabric profile, nothing at all). Throws InputError where
// the file is a damaged kernel profile, EnvironmentError where its grids are missing.
std::optional<calibration::KernelProfile> kernel_profile(const std::string& name_or_path);

// Whether a scenario's `calibration` may say this: without loading the profile's components.
bool names_kernel_profile(const std::string& name_or_path);

// What `calibration` may name: every shipped profile, and the GPUs that have one.
std::vector<std::string> calibration_names();

}  // namespace windtunnel::scenarios

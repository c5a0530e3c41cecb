// What the shipped and the user's calibration profiles speak about, in words and tables.
#pragma once

#include <string>

#include "calibration/kernels/profile_coverage_table.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::scenarios::cli {

// One row a thing the profile covers or does not. Throws InputError where there is no such profile.
base::Table profile_coverage(const std::string& name_or_path, calibration::Detail detail);

}  // namespace windtunnel::scenarios::cli

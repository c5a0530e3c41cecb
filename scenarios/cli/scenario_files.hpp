// The scenario files of a command line, loaded; every verb that takes some starts here.
#pragma once

#include <string>
#include <vector>

#include "scenarios/cli/console.hpp"
#include "scenarios/scenario.hpp"

namespace windtunnel::scenarios::cli {

// Loads them all, "-" from stdin. Warnings go to the console; errors of all files together are one
// InputError, so that a user sees everything that is wrong in one go.
std::vector<LoadedScenario> load_all(const std::vector<std::string>& files,
                                     const LoadOptions& options, const Console& console);

}  // namespace windtunnel::scenarios::cli

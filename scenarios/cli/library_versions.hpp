// What this program was built from, for `doctor`.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace windtunnel::scenarios::cli {

// (library, version) in a fixed order; libraries are those of the build, SimGrid's is the one
// linked.
std::vector<std::pair<std::string, std::string>> library_versions();

std::string compiler_text();  // "GNU 12.2.0, Release"

}  // namespace windtunnel::scenarios::cli

// The folder of --out. Files themselves are written by reports/write_file.hpp.
#pragma once

#include <string>

namespace windtunnel::scenarios::cli {

// Makes the folder (and those above it) and proves that files can be written there, before a long
// run finds out; throws EnvironmentError with the system's reason.
void prepare_folder(const std::string& folder);

}  // namespace windtunnel::scenarios::cli

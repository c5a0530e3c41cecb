// Files that verbs write.
#pragma once

#include <string>
#include <string_view>

namespace windtunnel::scenarios::cli {

// Makes the folder (and those above it) and proves that files can be written there, before a long
// run finds out; throws EnvironmentError with the system's reason.
void prepare_folder(const std::string& folder);

// A reader sees the old file or the whole new one, never a part: written beside, then renamed.
// Throws EnvironmentError.
void write_file(const std::string& path, std::string_view content);

}  // namespace windtunnel::scenarios::cli

// Writing a file so that whoever reads it sees the old content or the new, never half of either.
//
// The content goes to a temporary file in the same folder, is flushed to the disk, and is renamed
// onto the target. Missing folders are made. A symbolic link is followed; an existing file keeps
// its permissions; a target that is no regular file (/dev/stdout, a pipe) is written directly.
#pragma once

#include <string>
#include <string_view>

namespace windtunnel::reports {

// Throws EnvironmentError with the path and what the system said; the temporary file is then
// removed.
void write_file(const std::string& path, std::string_view content);

}  // namespace windtunnel::reports

// The bytes of a user's YAML file, and the checks that come before any parser sees them.
//
// yaml-cpp 0.7 accepts invalid UTF-8, NUL bytes and UTF-16 without a word and needs 0.3 s for 1 MB,
// so all of that is refused here, with a position.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// A scenario is written by people: a file beyond this is a mistake (a data file, a log).
inline constexpr std::size_t kLargestFile = std::size_t{1} << 20;

// Reads a file, at most `most_bytes` of it. Throws EnvironmentError where it cannot be read
// (missing, a directory, no permission).
std::string read_file(const std::string& path, std::size_t most_bytes = kLargestFile + 1);

// How the sentence about a file that cannot be read begins, wherever it is named.
inline constexpr std::string_view kUnreadable = "cannot read ";

// All errors are of files that cannot be read: the environment lacks something (exit 4), the input may
// be right.
bool only_unreadable(const base::Diagnostics& diagnostics);

// Line and column (both from 1, columns in characters, not bytes) of a byte of the text.
base::SourceLocation location_of(std::string_view text, std::size_t offset,
                                 const std::string& file);

// False, with an error, where the text is no YAML text to begin with: too large, empty, not UTF-8,
// UTF-16, binary, indented by tabs.
bool check_text(std::string_view text, const std::string& file, base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios

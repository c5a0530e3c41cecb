// Warnings as a terminal shows them: those of one cause as one sentence.
//
// A prediction whose GPU, software or fabric was not measured as asked says of every kind of kernel what
// stands in for it, which can be a dozen lines with one message: measured rows are missing. The result
// file keeps them all, and --verbose prints them all.
#pragma once

#include <string>
#include <vector>

namespace windtunnel::scenarios::cli {

// In order of appearance. A cause with one warning keeps its words.
std::vector<std::string> by_cause(const std::vector<std::string>& warnings);

}  // namespace windtunnel::scenarios::cli

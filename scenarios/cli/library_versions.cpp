// The macros come from scenarios/CMakeLists.txt, as CMake found the libraries.
#include "scenarios/cli/library_versions.hpp"

#include <string_view>

namespace windtunnel::scenarios::cli {

std::vector<std::pair<std::string, std::string>> library_versions() {
  std::vector<std::pair<std::string, std::string>> versions;
  std::string_view rest = WINDTUNNEL_LIBRARIES;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(", ");
    const std::string_view one = rest.substr(0, comma);
    const std::size_t blank = one.find(' ');
    versions.emplace_back(one.substr(0, blank), one.substr(blank + 1));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 2);
  }
  return versions;
}

std::string compiler_text() {
  std::string text = WINDTUNNEL_COMPILER ", " WINDTUNNEL_BUILD_TYPE;
  const std::string sanitizers = WINDTUNNEL_SANITIZERS;
  if (!sanitizers.empty()) text += ", sanitizers " + sanitizers;
  return text;
}

}  // namespace windtunnel::scenarios::cli

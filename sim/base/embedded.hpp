// A file carried inside the program (see embed.cmake): the path it had in the source tree, relative to
// the folder it was embedded from, and its bytes.
#pragma once

#include <string_view>

namespace windtunnel::base {

struct EmbeddedFile {
  std::string_view name;
  std::string_view content;
};

}  // namespace windtunnel::base

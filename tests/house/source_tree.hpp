// The files of the project as the house rules see them: everything below the root but what
// .gitignore leaves out (build folders, out, node_modules) and .git itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::house {

struct SourceFile {
  std::string path;  // from the root, with '/'
  std::string text;
};

// All files, in order of path; those that hold a NUL byte or are larger than 4 MiB come without
// text.
const std::vector<SourceFile>& source_tree();

bool ends_with_one_of(std::string_view path, const std::vector<std::string_view>& endings);
// "sim/engine" of "sim/engine/engine.hpp"; empty for a file of the root.
std::string folder_of(std::string_view path);
int line_count(std::string_view text);

struct Include {
  std::string target;   // as written, without quotes or brackets
  bool quoted = false;  // "..." and not <...>
};
std::vector<Include> includes_of(std::string_view text);

}  // namespace windtunnel::house

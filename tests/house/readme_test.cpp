// The READMEs' tables of files against the files that are there.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "tests/house/source_tree.hpp"

namespace windtunnel::house {
namespace {

// The names in the first cell of a row: those in backticks, or all where there are none.
std::vector<std::string> names_in(const std::string& cell) {
  const bool quoted = cell.find('`') != std::string::npos;
  const std::regex name(quoted ? "`([^`]+)`" : "([A-Za-z0-9_./*-]+)");
  std::vector<std::string> out;
  for (std::sregex_iterator at(cell.begin(), cell.end(), name), end; at != end; ++at)
    out.push_back((*at)[1]);
  return out;
}

// First cells of all rows below a head `| file | ... |`.
std::vector<std::string> file_cells(const std::string& text) {
  std::vector<std::string> out;
  bool inside = false;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.rfind("| file |", 0) == 0) {
      inside = true;
    } else if (line.rfind("| ", 0) != 0) {
      inside = false;
    } else if (inside && line.rfind("| ---", 0) != 0) {
      out.push_back(line.substr(1, line.find('|', 1) - 1));
    }
  }
  return out;
}

// Paths below a folder of the files that a name as the tables write it (`step/engine_plan`, `lower_*`,
// `algorithms/`) may mean: with an ending or without.
std::regex paths_of(const std::string& name) {
  std::string pattern;
  for (const char c : name) pattern += c == '*' ? "[^/]*" : c == '.' ? "\\." : std::string(1, c);
  if (name.back() == '/') pattern += ".*";
  return std::regex("(.*/)?" + pattern + "(\\.[a-z]+)?");
}

bool names(const std::string& name, const std::string& path) {
  return std::regex_match(path, paths_of(name));
}

TEST(Readmes, FilesInTheirTablesExist) {
  for (const SourceFile& readme : source_tree()) {
    if (!readme.path.ends_with("/README.md")) continue;
    const std::string folder = folder_of(readme.path) + "/";
    for (const std::string& cell : file_cells(readme.text)) {
      for (const std::string& name : names_in(cell)) {
        const std::regex paths = paths_of(name);
        const bool found = std::ranges::any_of(source_tree(), [&](const SourceFile& file) {
          return file.path.starts_with(folder) &&
                 std::regex_match(file.path.substr(folder.size()), paths);
        });
        EXPECT_TRUE(found) << readme.path << " names " << name;
      }
    }
  }
}

TEST(Readmes, NamesAreReadAsTheTablesWriteThem) {
  EXPECT_EQ(file_cells("| file | holds |\n| --- | --- |\n| `a`, `b` | x |\n\n| `c` | y |\n"),
            std::vector<std::string>{" `a`, `b` "});
  EXPECT_EQ(names_in(" `a` and its parts "), std::vector<std::string>{"a"});
  EXPECT_EQ(names_in(" a, b/c "), (std::vector<std::string>{"a", "b/c"}));
  EXPECT_TRUE(names("step/plan", "serve/step/plan.cpp"));
  EXPECT_TRUE(names("lower_*", "lower_work.hpp"));
  EXPECT_TRUE(names("algorithms/", "algorithms/ring.cpp"));
  EXPECT_FALSE(names("plan", "step/engine_plan.cpp"));
}

}  // namespace
}  // namespace windtunnel::house

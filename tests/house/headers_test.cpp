// Every header compiles alone. For a header beside a .cpp of its name the build shows that already,
// as long as that .cpp includes it first, which is what is checked here; the others are compiled.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <thread>

#include "tests/house/source_tree.hpp"

namespace windtunnel::house {
namespace {

std::map<std::string, const SourceFile*> by_path() {
  std::map<std::string, const SourceFile*> files;
  for (const SourceFile& file : source_tree()) files[file.path] = &file;
  return files;
}

std::string implementation_of(const std::string& header) {
  return header.substr(0, header.size() - 4) + ".cpp";
}

TEST(Headers, TheFirstIncludeOfAnImplementationIsItsHeader) {
  const auto files = by_path();
  for (const auto& [path, file] : files) {
    if (!path.ends_with(".hpp")) continue;
    const auto implementation = files.find(implementation_of(path));
    if (implementation == files.end()) continue;
    const auto includes = includes_of(implementation->second->text);
    ASSERT_FALSE(includes.empty()) << implementation->first;
    EXPECT_EQ(includes.front().target, path) << implementation->first;
  }
}

// Headers of GPU programs need toolkits that are not everywhere; their own build shows that they
// compile.
bool needs_a_toolkit(const SourceFile& header) {
  for (const Include& include : includes_of(header.text)) {
    for (const char* toolkit : {"cuda", "cublas", "nccl", "nvml"}) {
      if (!include.quoted && include.target.find(toolkit) != std::string::npos) return true;
    }
  }
  return false;
}

bool compiles(const std::string& header) {
  const std::string command = "cd '" WINDTUNNEL_SOURCE_DIR
                              "' && c++ -std=c++20 -fsyntax-only -Wall -Wextra -I. "
                              "-isystem /usr/include/eigen3 -include '" +
                              header + "' -x c++ /dev/null > /dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

TEST(Headers, WithoutAnImplementationTheyCompileAlone) {
  if (std::system("c++ --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no c++ on the path";
  const auto files = by_path();
  std::vector<std::string> headers;
  for (const auto& [path, file] : files) {
    if (path.ends_with(".hpp") && files.count(implementation_of(path)) == 0 &&
        !needs_a_toolkit(*file)) {
      headers.push_back(path);
    }
  }
  std::vector<char> good(headers.size(), 0);
  const auto check_every_second = [&](std::size_t first) {
    for (std::size_t i = first; i < headers.size(); i += 2) good[i] = compiles(headers[i]) ? 1 : 0;
  };
  std::thread other(check_every_second, 1);
  check_every_second(0);
  other.join();
  for (std::size_t i = 0; i < headers.size(); ++i) EXPECT_TRUE(good[i] != 0) << headers[i];
}

}  // namespace
}  // namespace windtunnel::house

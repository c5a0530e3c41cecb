// The rules of CONTRIBUTING.md that a machine can check, over every file of the project.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <regex>
#include <set>
#include <sstream>

#include "tests/house/layers.hpp"
#include "tests/house/source_tree.hpp"

namespace windtunnel::house {
namespace {

const std::vector<std::string_view> kCpp = {".hpp", ".cpp", ".cu", ".cuh"};
const std::vector<std::string_view> kCode = {".hpp", ".cpp", ".cu", ".cuh",           ".js",
                                             ".css", ".sh",  ".py", "CMakeLists.txt", ".cmake"};

const std::vector<std::string> kFolders = {"sim",         "models",    "collectives", "strategies",
                                           "calibration", "scenarios", "real",        "tests",
                                           "reports",     ".ci"};

TEST(HouseRules, TheTreeIsThere) {
  EXPECT_GT(source_tree().size(), 50u) << "below " << WINDTUNNEL_SOURCE_DIR;
}

TEST(HouseRules, NoIncludeRunsBackUp) {
  for (const SourceFile& file : source_tree()) {
    if (!ends_with_one_of(file.path, kCpp)) continue;
    for (const Include& include : includes_of(file.text)) {
      const auto wrong = wrong_arrow(file.path, include.target);
      EXPECT_FALSE(wrong.has_value()) << *wrong;
    }
  }
}

TEST(HouseRules, IncludesAreSpelledFromTheRoot) {
  std::set<std::string> known;
  for (const SourceFile& file : source_tree()) known.insert(file.path);
  for (const SourceFile& file : source_tree()) {
    if (!ends_with_one_of(file.path, kCpp)) continue;
    for (const Include& include : includes_of(file.text)) {
      const std::string beside = folder_of(file.path) + "/" + include.target;
      EXPECT_FALSE(include.quoted && known.count(include.target) == 0 && known.count(beside) == 1)
          << file.path << " includes \"" << include.target << "\"";
    }
  }
}

// Tests that hold us against SimGrid itself may include it.
TEST(HouseRules, OnlyOneFileIncludesSimgrid) {
  for (const SourceFile& file : source_tree()) {
    if (!ends_with_one_of(file.path, kCpp) || file.path.rfind("tests/", 0) == 0) continue;
    for (const Include& include : includes_of(file.text)) {
      const bool simgrid = !include.quoted && (include.target.rfind("simgrid/", 0) == 0 ||
                                               include.target.rfind("xbt/", 0) == 0);
      EXPECT_TRUE(!simgrid || file.path == "sim/engine/simgrid/simgrid_engine.cpp")
          << file.path << " includes <" << include.target << ">";
    }
  }
}

TEST(HouseRules, NoFileIsLongerThan500Lines) {
  for (const SourceFile& file : source_tree()) {
    if (!ends_with_one_of(file.path, kCode)) continue;
    EXPECT_LE(line_count(file.text), 500) << file.path;
  }
}

TEST(HouseRules, TopLevelFoldersAreTheFixedOnes) {
  for (const SourceFile& file : source_tree()) {
    const std::size_t slash = file.path.find('/');
    if (slash == std::string::npos) continue;
    const std::string folder = file.path.substr(0, slash);
    EXPECT_NE(std::find(kFolders.begin(), kFolders.end(), folder), kFolders.end()) << file.path;
  }
}

TEST(HouseRules, EveryHeaderGuardsItselfAndSaysWhatItHolds) {
  for (const SourceFile& file : source_tree()) {
    if (!file.path.ends_with(".hpp")) continue;
    EXPECT_NE(file.text.find("#pragma once\n"), std::string::npos) << file.path;
    EXPECT_TRUE(file.text.rfind("//", 0) == 0) << file.path << " starts without a comment";
  }
}

// The pieces are put together here so that this file does not break its own rule.
std::vector<std::string> forbidden_texts() {
  return {std::string("registry.") + "npmjs",  std::string("registry.") + "yarnpkg",
          std::string("deb.") + "debian.org",  std::string("files.") + "pythonhosted",
          std::string("pypi.") + "org",        std::string("proxy.") + "golang",
          std::string("index.") + "crates.io", std::string("static.") + "crates.io"};
}

std::vector<std::string> machine_traces(const std::string& text) {
  static const std::regex kPath(
      "(^|[^A-Za-z0-9_.~$}-])/(wo"
      "rk|ho"
      "me|ro"
      "ot)/[A-Za-z0-9_.-]");
  std::vector<std::string> found;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, std::min<std::size_t>(end - at, 2000));
    at = end + 1;
    const bool host = [&] {
      for (const std::string& name : forbidden_texts()) {
        if (line.find(name) != std::string::npos) return true;
      }
      return false;
    }();
    if (host || (line.find('/') != std::string::npos && std::regex_search(line, kPath))) {
      found.push_back(line);
    }
  }
  return found;
}

TEST(HouseRules, MachineTracesAreFoundWhereTheyAre) {
  const std::string home = std::string("/ho") + "me/";
  EXPECT_EQ(machine_traces("a\nfile " + home + "me/x\nb").size(), 1u);
  EXPECT_EQ(machine_traces("\"" + home + "x\"").size(), 1u);
  EXPECT_EQ(machine_traces(std::string("https://registry.") + "npmjs.org/x").size(), 1u);
  EXPECT_TRUE(machine_traces("https://example.org" + home + "x").empty());
  EXPECT_TRUE(machine_traces("sim" + home + "x and ../shared").empty());
}

TEST(HouseRules, NoFileNamesAPathOfOneMachineOrAPackageRegistry) {
  for (const SourceFile& file : source_tree()) {
    for (const std::string& line : machine_traces(file.text)) {
      ADD_FAILURE() << file.path << ": " << line;
    }
  }
}

std::string output_of(const std::string& command) {
  std::string output;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  ::pclose(pipe);
  return output;
}

TEST(HouseRules, FormattedAsClangFormatDoes) {
  const std::string version = output_of("clang-format --version 2> /dev/null");
  if (version.find("version 14.") == std::string::npos) {
    GTEST_SKIP() << "clang-format 14 is not installed, and others format otherwise";
  }
  std::string command = "cd '" WINDTUNNEL_SOURCE_DIR "' && clang-format --dry-run -Werror";
  for (const SourceFile& file : source_tree()) {
    if (ends_with_one_of(file.path, kCpp)) command += " '" + file.path + "'";
  }
  // Complaints are "PATH:LINE:COLUMN: error: ...".
  std::set<std::string> known;
  for (const SourceFile& file : source_tree()) known.insert(file.path);
  std::set<std::string> files;
  std::istringstream complaints(output_of(command + " 2>&1"));
  for (std::string line; std::getline(complaints, line);) {
    const std::string path = line.substr(0, line.find(':'));
    if (line.find(": error:") != std::string::npos && known.count(path) == 1) files.insert(path);
  }
  for (const std::string& file : files) ADD_FAILURE() << "clang-format -i " << file;
}

}  // namespace
}  // namespace windtunnel::house

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/write_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "sim/base/contract.hpp"

namespace windtunnel::reports {
namespace {

namespace fs = std::filesystem;

class WriteFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "wt-write-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }
  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  fs::path folder_;
};

TEST_F(WriteFile, MakesMissingFoldersAndLeavesNoOtherFileBehind) {
  const fs::path path = folder_ / "a" / "b" / "result.json";
  write_file(path.string(), "hello");
  EXPECT_EQ(read(path), "hello");
  write_file(path.string(), std::string(1 << 20, 'x'));
  EXPECT_EQ(fs::file_size(path), 1U << 20);
  EXPECT_EQ(std::distance(fs::directory_iterator(path.parent_path()), fs::directory_iterator()), 1);
}

TEST_F(WriteFile, KeepsPermissionsAndFollowsLinks) {
  const fs::path real = folder_ / "real";
  write_file(real.string(), "1");
  ::chmod(real.c_str(), 0640);
  fs::create_symlink(real, folder_ / "link");
  write_file((folder_ / "link").string(), "2");
  EXPECT_EQ(read(real), "2");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(static_cast<int>(fs::status(real).permissions()), 0640);
}

TEST_F(WriteFile, WritesDevicesDirectly) {
  EXPECT_NO_THROW(write_file("/dev/null", "gone"));
}

TEST_F(WriteFile, SaysWhatWentWrongAndKeepsTheOldContent) {
  EXPECT_THROW(write_file(folder_.string(), "x"), base::EnvironmentError);
  write_file((folder_ / "file").string(), "old");
  try {
    write_file((folder_ / "file" / "below").string(), "x");
    FAIL() << "a file is no folder";
  } catch (const base::EnvironmentError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("cannot write"));
  }
  EXPECT_EQ(read(folder_ / "file"), "old");
  EXPECT_EQ(files(), 1U);
}

}  // namespace
}  // namespace windtunnel::reports

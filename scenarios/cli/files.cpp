#include "scenarios/cli/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "sim/base/contract.hpp"

namespace windtunnel::scenarios::cli {

namespace {

[[noreturn]] void fail(const std::string& what, const std::string& path, int error) {
  throw base::EnvironmentError(fmt::format("cannot {} '{}': {}", what, path, std::strerror(error)));
}

// Beside the file it will become, so that the rename stays on one file system.
std::string temporary_name(const std::string& path) {
  return fmt::format("{}.{}.part", path, ::getpid());
}

void write_whole(int file, std::string_view content, const std::string& path,
                 const std::string& temporary) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      ::close(file);
      ::unlink(temporary.c_str());
      fail("write", path, error);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void prepare_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) fail("make the folder", folder, error.value());
  if (!std::filesystem::is_directory(folder)) fail("write into", folder, ENOTDIR);
  const std::string probe = temporary_name(folder + "/probe");
  const int file = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) fail("write into", folder, errno);
  ::close(file);
  ::unlink(probe.c_str());
}

void write_file(const std::string& path, std::string_view content) {
  const std::string temporary = temporary_name(path);
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) fail("write", path, errno);
  write_whole(file, content, path, temporary);
  if (::close(file) != 0) fail("write", path, errno);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    fail("write", path, error);
  }
}

}  // namespace windtunnel::scenarios::cli

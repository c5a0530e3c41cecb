#include "scenarios/cli/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
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

}  // namespace windtunnel::scenarios::cli

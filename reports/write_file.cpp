#include "reports/write_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "sim/base/contract.hpp"

namespace windtunnel::reports {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, int error) {
  throw base::EnvironmentError(fmt::format("cannot write {}: {}", path, std::strerror(error)));
}

// An open file that closes itself, and, if it is temporary and was not kept, removes itself.
class OpenFile {
 public:
  OpenFile(int descriptor, std::string temporary)
      : descriptor_(descriptor), temporary_(std::move(temporary)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int descriptor() const { return descriptor_; }
  void keep() { temporary_.clear(); }
  // 0, or the error: on some file systems a full disk is said only here.
  int close() {
    const int status = ::close(descriptor_);
    descriptor_ = -1;
    return status == 0 ? 0 : errno;
  }

 private:
  int descriptor_;
  std::string temporary_;
};

void write_all(int descriptor, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

void write_directly(const std::string& path, std::string_view content) {
  OpenFile file(::open(path.c_str(), O_WRONLY | O_CLOEXEC), "");
  if (file.descriptor() < 0) fail(path, errno);
  write_all(file.descriptor(), content, path);
  if (const int error = file.close(); error != 0) fail(path, error);
}

// In the target's folder, so that the rename stays on one file system.
void replace(const std::string& path, std::string_view content) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  ::unlink(temporary.c_str());  // left by a process of the same number that was killed
  OpenFile file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666),
                temporary);
  if (file.descriptor() < 0) fail(path, errno);
  struct stat existing {};
  if (::stat(path.c_str(), &existing) == 0) ::fchmod(file.descriptor(), existing.st_mode & 0777U);
  write_all(file.descriptor(), content, path);
  if (::fsync(file.descriptor()) != 0 && errno != EINVAL && errno != EROFS) fail(path, errno);
  if (const int error = file.close(); error != 0) fail(path, error);
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, errno);
  file.keep();
}

}  // namespace

void write_file(const std::string& path, std::string_view content) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  const std::string target = error || real.empty() ? path : real.string();
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) fail(path, EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) return write_directly(path, content);
  const fs::path folder = fs::path(target).parent_path();
  error.clear();  // a file that is not there yet is no error
  if (!folder.empty()) fs::create_directories(folder, error);
  if (error) fail(path, error.value());
  replace(target, content);
}

}  // namespace windtunnel::reports

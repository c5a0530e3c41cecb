#include "scenarios/traces/trace_lines.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "scenarios/document/source_text.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18;
constexpr std::size_t kLongestLine = std::size_t{1} << 22;

gzFile_s* opened(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw base::EnvironmentError(fmt::format("{}'{}': it is a directory", kUnreadable, path));
  }
  errno = 0;
  gzFile_s* file = gzopen(path.c_str(), "rb");
  if (file == nullptr) {
    throw base::EnvironmentError(
        fmt::format("{}'{}': {}", kUnreadable, path, std::strerror(errno)));
  }
  return file;
}

}  // namespace

TraceLines::TraceLines(const std::string& path)
    : path_(path), file_(opened(path), gzclose), buffer_(kPiece) {}

// Moves what is left to the front and reads on; false at the end of the file.
bool TraceLines::fill() {
  if (ended_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) {
    if (buffer_.size() >= kLongestLine) {
      throw base::InputError({path_, number_ + 1, 1}, "the line is longer than 4 MiB: no trace");
    }
    buffer_.resize(2 * buffer_.size());
  }
  const int read =
      gzread(file_.get(), buffer_.data() + end_, static_cast<unsigned>(buffer_.size() - end_));
  if (read < 0) {
    throw base::InputError({path_, number_ + 1, 1}, "the compressed data is damaged from here on");
  }
  end_ += static_cast<std::size_t>(read);
  ended_ = read == 0;
  return read > 0;
}

bool TraceLines::next(std::string_view& line) {
  std::size_t searched = begin_;
  for (;;) {
    const void* found = std::memchr(buffer_.data() + searched, '\n', end_ - searched);
    if (found != nullptr || (ended_ && begin_ < end_)) {
      const std::size_t stop =
          found == nullptr
              ? end_
              : static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
      line = std::string_view(buffer_.data() + begin_, stop - begin_);
      if (line.ends_with('\r')) line.remove_suffix(1);
      begin_ = found == nullptr ? end_ : stop + 1;
      ++number_;
      return true;
    }
    if (ended_) return false;
    const std::size_t unread = end_ - begin_;
    fill();
    searched = begin_ + unread;
  }
}

}  // namespace windtunnel::scenarios

// The lines of a trace file, plain or gzipped, read piece by piece: traces have millions of them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct gzFile_s;

namespace windtunnel::scenarios {

class TraceLines {
 public:
  // Throws EnvironmentError where the file cannot be read.
  explicit TraceLines(const std::string& path);

  // The next line without its line break; false at the end. The view holds until the next call.
  bool next(std::string_view& line);
  int number() const { return number_; }  // of the line that next() gave, from 1
  const std::string& path() const { return path_; }

 private:
  bool fill();

  std::string path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile_s*)> file_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  int number_ = 0;
  bool ended_ = false;
};

}  // namespace windtunnel::scenarios

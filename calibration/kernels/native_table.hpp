// A comma-separated table as a tool wrote it, plain or gzip, read whole and fast: column names in
// the first line, typed access by (row, column), no string per field.
//
// Format: RFC 4180 without line ends inside quotes; LF or CRLF; blank lines and lines that begin
// with '#' are skipped; a field in quotes is given without them (doubled quotes stay doubled). A
// row with fewer or more fields than the header is a diagnostic and left out. gzip is told by its
// magic bytes, not by the file's name, and may have several members.
// Contract: 100,000 rows of ten columns in under 100 ms. A file that cannot be opened is an
// EnvironmentError; one that is not whole gzip, is empty or has no header is a Diagnostic and gives
// a table of no rows. `text()` views live as long as the table (moving it keeps them).
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "calibration/measurement.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::calibration {

class NativeTable {
 public:
  static constexpr int kAbsent = -1;

  std::size_t rows() const { return lines_.size(); }
  const std::vector<std::string>& columns() const { return columns_; }
  int column(std::string_view name) const;  // kAbsent where there is none
  // All of `names` are columns.
  bool has(const std::vector<std::string>& names) const;

  // Blank for an absent column.
  std::string_view text(std::size_t row, int column) const;
  // NaN where the field is no finite number (or the column is absent).
  double number(std::size_t row, int column) const;
  // `kNoInteger` where the field is no integer; "4096.0" is one.
  static constexpr std::int64_t kNoInteger = std::numeric_limits<std::int64_t>::min();
  std::int64_t integer(std::size_t row, int column) const;
  int line(std::size_t row) const { return lines_[row]; }  // from 1, of the text

  const MeasurementFile& file() const { return file_; }  // name and SHA-256 of the file's own bytes

 private:
  friend NativeTable parse_native_table(std::string bytes, const std::string& name,
                                        base::Diagnostics& diagnostics);
  struct Field {
    std::uint32_t begin = 0, size = 0;
  };
  void index(const std::string& name, base::Diagnostics& diagnostics);
  bool split(std::size_t begin, std::size_t end, std::vector<Field>& fields) const;

  std::vector<char> text_;
  std::vector<std::string> columns_;
  std::vector<Field> fields_;  // rows x columns
  std::vector<int> lines_;
  MeasurementFile file_;
};

// `bytes` is the content of the file called `name` in messages: gzip or text.
NativeTable parse_native_table(std::string bytes, const std::string& name,
                               base::Diagnostics& diagnostics);
// Throws EnvironmentError where the file cannot be read.
NativeTable read_native_table(const std::filesystem::path& path, base::Diagnostics& diagnostics);
// The first line of a file of such kind (inflated as far as needed), to tell its format; "" where
// it has none.
std::string native_table_header(const std::filesystem::path& path);

}  // namespace windtunnel::calibration

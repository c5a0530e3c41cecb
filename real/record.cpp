#include "real/record.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "calibration/csv.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"
#include "sim/base/sha256.hpp"

namespace windtunnel::real {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::filesystem::path& path) {
  throw base::EnvironmentError(
      fmt::format("cannot {} '{}': {}", what, path.string(), std::strerror(errno)));
}

std::string quoted(const std::string& value) {
  std::string flat = value;
  std::replace_if(
      flat.begin(), flat.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  // '#' begins a comment line for the reader, so a first field that starts so is quoted too.
  if (flat.find_first_of(",\"#") == std::string::npos) return flat;
  std::string out = "\"";
  for (const char c : flat) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

void append_all(int file, const std::string& text, const std::filesystem::path& path) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t wrote = ::write(file, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) refuse("write", path);
    done += static_cast<std::size_t>(wrote);
  }
  // Some file systems and pipes cannot sync; the row is written all the same.
  ::fdatasync(file);
}

// Of the whole lines; a last line without its end is passed over.
std::set<std::string> points_of(const std::string& text, const std::filesystem::path& path) {
  const std::string header = csv_line(columns());
  if (text.compare(0, header.size(), header) != 0)
    throw base::InputError(
        {path.string(), 1, 1},
        "not the header of this version of windtunnel-measure; name another file "
        "with --out");
  base::Diagnostics diagnostics;
  const std::size_t whole = text.rfind('\n') + 1;
  const auto rows =
      calibration::parse_csv(std::string_view(text).substr(0, whole), path.string(), diagnostics);
  if (diagnostics.has_errors()) throw base::InputError(diagnostics);
  const auto column = static_cast<std::size_t>(
      std::find(columns().begin(), columns().end(), "point") - columns().begin());
  std::set<std::string> points;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto& fields = rows[i].fields;
    if (fields.size() > column && !fields[column].text.empty()) points.insert(fields[column].text);
  }
  return points;
}

}  // namespace

std::string csv_line(const std::vector<std::string>& values) {
  std::string line;
  for (const std::string& value : values) line += quoted(value) + ",";
  if (!line.empty()) line.pop_back();
  return line + "\n";
}

std::string point_id(const Fields& point, const Fields& identity) {
  std::string text = field(identity, "gpu") + "\n" + field(identity, "stack") + "\n";
  for (const auto& [name, value] : point) {
    if (!value.empty()) text += name + "=" + value + "\n";
  }
  return base::sha256(text).substr(0, 12);
}

MeasurementWriter::MeasurementWriter(const std::filesystem::path& path) : path_(path) {
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) refuse("write", path);
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    ::close(file_);
    throw base::EnvironmentError(
        fmt::format("'{}' is being written by another windtunnel-measure", path.string()));
  }
  std::ifstream in(path, std::ios::binary);
  try {
    read_existing({std::istreambuf_iterator<char>(in), {}});
  } catch (...) {
    ::close(file_);
    throw;
  }
}

MeasurementWriter::~MeasurementWriter() {
  if (file_ >= 0) ::close(file_);
}

void MeasurementWriter::read_existing(const std::string& text) {
  const std::string header = csv_line(columns());
  if (text.size() < header.size() && header.compare(0, text.size(), text) == 0) {
    repaired_ = !text.empty();
    if (::ftruncate(file_, 0) != 0) refuse("shorten", path_);
    append_all(file_, header, path_);
    return;
  }
  done_ = points_of(text, path_);
  const std::size_t whole = text.rfind('\n') + 1;
  if (whole == text.size()) return;
  repaired_ = true;
  if (::ftruncate(file_, static_cast<off_t>(whole)) != 0) refuse("shorten", path_);
}

std::set<std::string> points_in(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return text.empty() ? std::set<std::string>{} : points_of(text, path);
}

void MeasurementWriter::write(const Fields& row) {
  std::vector<std::string> values(columns().size());
  for (const auto& [name, value] : row) {
    const auto found = std::find(columns().begin(), columns().end(), name);
    base::expects(found != columns().end(), "no column " + name + ": add it to fields.cpp");
    values[static_cast<std::size_t>(found - columns().begin())] = value;
  }
  append_all(file_, csv_line(values), path_);
  if (const std::string point = field(row, "point"); !point.empty()) done_.insert(point);
}

}  // namespace windtunnel::real

// The measurement file being written: CSV of contract.md section 5, all kinds in one file.
//
// A row is one finished point, written by a single append and flushed to the disk, so that whatever
// ends the program costs at most the point in hand. Opening a file that exists goes on with it: a
// last line without its end is cut off (and that point measured again), and the points that stand in
// it, by their `point` column, are known. `point` is the first 12 hex digits of the SHA-256 of the
// point's own fields, gpu and stack.
// Contract: a file whose first line is no header of ours is left untouched (InputError file:1:1); one
// process writes at a time (flock); what the system refuses is an EnvironmentError.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "real/fields.hpp"

namespace windtunnel::real {

// Name of the point in files: of its own fields and the gpu and stack of `identity`.
std::string point_id(const Fields& point, const Fields& identity);

class MeasurementWriter {
 public:
  explicit MeasurementWriter(const std::filesystem::path& path);
  ~MeasurementWriter();
  MeasurementWriter(const MeasurementWriter&) = delete;
  MeasurementWriter& operator=(const MeasurementWriter&) = delete;

  bool has(const std::string& point_id) const { return done_.count(point_id) > 0; }
  std::size_t size() const { return done_.size(); }
  bool repaired() const { return repaired_; }  // a torn last line was cut off
  // Fields in any order; `point` among them marks the point as done.
  void write(const Fields& row);

 private:
  void read_existing(const std::string& text);

  std::filesystem::path path_;
  int file_ = -1;
  bool repaired_ = false;
  std::set<std::string> done_;
};

// The points in a file that may not be there; throws as MeasurementWriter does, and writes nothing.
std::set<std::string> points_in(const std::filesystem::path& path);

// The text of one CSV line, its end included; quotes where a value needs them.
std::string csv_line(const std::vector<std::string>& values);

}  // namespace windtunnel::real

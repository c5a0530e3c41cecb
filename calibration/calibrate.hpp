// From measurement files to a fabric profile: what `windtunnel calibrate` does.
//
// The rows are cut in two: of each fabric, every fourth curve (op, nodes, GPUs a node, setting) is
// held out where it has four or more, else every fourth size. A fit of the rest predicts the part
// held out; that error and the share inside the 90 % band go into the profile. Then everything is
// fitted again: the parameters that ship saw all rows, the error that ships was measured on rows
// that its fit had not seen. Names: `fabric` and `gpu` name what the rows themselves leave blank
// (an nccl-tests log does not know its cluster's name) and never filter; `filters` do. Fewer than
// eight fabrics borrow the shipped shared shifts.
//
//   CalibrateOptions options{.name = "my-cluster", .fabric = "my-cluster", .date = "2025-01-31"};
//   Calibration made = calibrate({read_measurement_file("log.txt")}, options);
//   if (made.profile) std::ofstream("my.yaml") << to_yaml(*made.profile);
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "calibration/fabric_fit.hpp"
#include "calibration/validate.hpp"

namespace windtunnel::calibration {

struct CalibrateOptions {
  std::string name{};  // of the profile; blank: fabric, else gpu
  std::string fabric{}, gpu{}, interconnect{}, stack{}, launch{};  // where a row leaves them blank
  std::vector<Filter> filters{};
  std::string date{};  // YYYY-MM-DD
  std::string tool_version{};
};

struct Calibration {
  std::optional<FabricProfile> profile;  // nothing where no row could be used; see diagnostics
  Validation held_out;                   // residuals on the rows held out, by a fit without them
  base::Diagnostics diagnostics;
};

Calibration calibrate(std::vector<Measurements> files, const CalibrateOptions& options);

// Fills what the rows leave blank.
void fill_blanks(std::vector<CollectiveMeasurement>& rows, const CalibrateOptions& options);

struct SplitRows {
  std::vector<CollectiveMeasurement> fitted, held_out;
};
SplitRows split_for_hold_out(const std::vector<CollectiveMeasurement>& rows);

}  // namespace windtunnel::calibration

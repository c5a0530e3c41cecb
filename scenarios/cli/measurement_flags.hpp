// Flags for what a measurement file does not say of itself; shared by `calibrate` and `validate`.
// An nccl-tests log, say, names neither its fabric nor, without rank lines, its nodes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "calibration/kernels/read_kernel_file.hpp"
#include "calibration/measurement.hpp"
#include "scenarios/cli/arguments.hpp"
#include "scenarios/cli/console.hpp"

namespace windtunnel::scenarios::cli {

struct MeasurementFlags {
  std::string op;
  std::optional<std::uint64_t> nodes;
  std::optional<std::uint64_t> gpus_per_node;
  std::string gpu;
  std::string fabric;
  std::string interconnect;
  std::string launch;
  std::string stack;
  std::vector<std::string> where;  // COLUMN=VALUE
  std::string verb_;

  void add_to(Arguments& arguments);

  // Reads a file, fills in what it leaves blank, keeps what passes --where. Warnings go to the
  // console; errors are an InputError.
  calibration::MeasuredFile read(const std::string& file, const Console& console) const;
};

}  // namespace windtunnel::scenarios::cli

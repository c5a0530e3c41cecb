// The program behind a command line: parse, open the device, sweep, say what was done. Returns the
// exit status. Rows go to stdout or --out; everything else to stderr.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "real/open_device.hpp"

namespace windtunnel::real {

using DeviceFactory = std::function<std::unique_ptr<MeasuringDevice>(const DeviceOptions&)>;

struct Program {
  std::map<std::string, DeviceFactory> devices;  // by --device
  // Verbs of the CPU that need several processes are handed to windtunnel-measure-mpi; that program
  // itself measures them.
  enum class Processes { starts_mpi, is_mpi } processes = Processes::starts_mpi;
};

int measure(const std::vector<std::string>& words, const Program& program);

}  // namespace windtunnel::real

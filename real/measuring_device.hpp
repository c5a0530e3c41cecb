// A device that can be measured: its points, its clock, and what every record says about it.
//
// Contract: construction touches no hardware, so that `--list` works anywhere; `open` takes the
// device and throws EnvironmentError with a sentence where there is none; everything but
// `benchmarks` comes after it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "real/benchmark.hpp"
#include "real/peers.hpp"
#include "real/selection.hpp"

namespace windtunnel::real {

// Sampled before and after every point; 0 or blank: not known.
struct ClockState {
  double clock_mhz = 0, memory_clock_mhz = 0;
  double power_w = 0, temperature_c = 0;
  std::string throttled;  // reasons in force: "power", "thermal", "" none
};

class MeasuringDevice {
 public:
  virtual ~MeasuringDevice() = default;
  virtual std::vector<Benchmark> benchmarks(Verb verb, const Selection& selection) = 0;
  virtual void open() = 0;
  // Columns of every row: gpu (a name of `list gpus`, or the product's), stack, device_name, driver,
  // cuda, cublas, nccl.
  virtual Fields identity() const = 0;
  virtual ClockState clocks() = 0;
  virtual Stopwatch& stopwatch() = 0;
  virtual Peers& peers() = 0;
};

}  // namespace windtunnel::real

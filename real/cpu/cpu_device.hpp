// The CPU as a measured device: Eigen's kernels on the cores of this machine.
#pragma once

#include <memory>

#include "real/cpu/cpu_stopwatch.hpp"
#include "real/measuring_device.hpp"
#include "real/open_device.hpp"

namespace windtunnel::real {

class CpuDevice : public MeasuringDevice {
 public:
  // `peers` may be shared with benchmarks of the same processes.
  explicit CpuDevice(const DeviceOptions& options,
                     std::shared_ptr<Peers> peers = std::make_shared<NoPeers>());

  std::vector<Benchmark> benchmarks(Verb verb, const Selection& selection) override;
  void open() override {}
  Fields identity() const override;
  ClockState clocks() override;
  Stopwatch& stopwatch() override { return stopwatch_; }
  Peers& peers() override { return *peers_; }

 private:
  DeviceOptions options_;
  std::shared_ptr<Peers> peers_;
  CpuStopwatch stopwatch_;
};

}  // namespace windtunnel::real

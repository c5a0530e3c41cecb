// A GPU as a measured device: kernels, cuBLASLt, copies and launches of cuda/, collectives of nccl/,
// whole steps of steps/.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <vector>

#include "real/cuda/cuda_stopwatch.hpp"
#include "real/cuda/nvml.hpp"
#include "real/cuda/session.hpp"
#include "real/measuring_device.hpp"
#include "real/nccl/device/collective_benchmarks.hpp"
#include "real/open_device.hpp"

namespace windtunnel::real {

class CudaDevice : public MeasuringDevice {
 public:
  explicit CudaDevice(const DeviceOptions& options);

  std::vector<Benchmark> benchmarks(Verb verb, const Selection& selection) override;
  void open() override;
  Fields identity() const override;
  ClockState clocks() override;
  Stopwatch& stopwatch() override { return stopwatch_; }
  Peers& peers() override;

 private:
  CollectiveSite site();

  DeviceOptions options_;
  SharedSession session_;
  CudaStopwatch stopwatch_;
  std::unique_ptr<Nvml> nvml_;
  std::unique_ptr<Peers> peers_;
};

}  // namespace windtunnel::real

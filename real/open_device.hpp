// The device named by --device, behind its interface.
#pragma once

#include <memory>
#include <string>

#include "real/launch_environment.hpp"
#include "real/measuring_device.hpp"

namespace windtunnel::real {

struct DeviceOptions {
  int index = -1;  // CUDA; -1: the local rank modulo the GPUs that are there
  LaunchEnvironment environment{};
  Rendezvous rendezvous{};
  int threads = 0;   // CPU; 0: as many as there are cores
  std::string name;  // of the `gpu` column; blank: found out
};

std::unique_ptr<MeasuringDevice> make_cpu_device(const DeviceOptions& options);
// In real/cuda/. Throws EnvironmentError where this program was built without CUDA.
std::unique_ptr<MeasuringDevice> make_cuda_device(const DeviceOptions& options);

}  // namespace windtunnel::real

// Stands in for cuda/cuda_device.cpp where the program is built without CUDA.
#include "real/open_device.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {

std::unique_ptr<MeasuringDevice> make_cuda_device(const DeviceOptions&) {
  throw base::EnvironmentError(
      "this windtunnel-measure was built without CUDA, so it cannot measure a GPU; build it where "
      "nvcc is found, or measure the CPU with --device cpu");
}

}  // namespace windtunnel::real

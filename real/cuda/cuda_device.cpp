#include "real/cuda/cuda_device.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calibration/kernels/kernel_csv.hpp"
#include "real/cuda/cuda_benchmarks.hpp"
#include "real/nccl/device/collective_benchmarks.hpp"
#include "real/steps/device/step_benchmarks.hpp"

namespace windtunnel::real {

CudaDevice::CudaDevice(const DeviceOptions& options)
    : options_(options), session_(std::make_shared<Session>()), stopwatch_(session_) {}

CollectiveSite CudaDevice::site() {
  return {.environment = options_.environment,
          .devices = collective_devices(options_.environment, options_.index),
          .peers = [this]() -> Peers& { return peers(); }};
}

std::vector<Benchmark> CudaDevice::benchmarks(Verb verb, const Selection& selection) {
  switch (verb) {
    case Verb::gemm:
      return cuda_gemm_benchmarks(selection, session_);
    case Verb::attention:
      return cuda_attention_benchmarks(selection, session_);
    case Verb::memory:
      return cuda_memory_benchmarks(selection, session_);
    case Verb::copy:
      return cuda_copy_benchmarks(selection, session_);
    case Verb::launch:
      return cuda_launch_benchmarks(session_);
    case Verb::interference:
      return cuda_interference_benchmarks(selection, session_);
    case Verb::collective:
      return collective_benchmarks(selection, site());
    case Verb::step:
      return step_benchmarks(selection, site());
  }
  return {};
}

void CudaDevice::open() {
  const int devices = device_count();
  const int local = std::max(0, options_.environment.local_rank);
  session_->open(options_.index >= 0 ? options_.index : devices > 0 ? local % devices : 0);
  nvml_ = std::make_unique<Nvml>(session_->facts().pci_bus_id);
  peers_ = connect_peers(options_.environment, options_.rendezvous);
}

Fields CudaDevice::identity() const {
  const DeviceFacts& facts = session_->facts();
  const std::string driver =
      nvml_->driver_version().empty() ? facts.driver : nvml_->driver_version();
  const std::string cublas = CublasLt::version();
  return {{"gpu", options_.name.empty() ? calibration::canonical_gpu(facts.name) : options_.name},
          {"stack", fmt::format("cuda {} cublas {} driver {}", facts.runtime, cublas, driver)},
          {"device_name", facts.name},
          {"driver", driver},
          {"cuda", facts.runtime},
          {"cublas", cublas}};
}

ClockState CudaDevice::clocks() {
  return nvml_->clocks();
}

Peers& CudaDevice::peers() {
  base::expects(peers_ != nullptr, "the CUDA device has been opened");
  return *peers_;
}

std::unique_ptr<MeasuringDevice> make_cuda_device(const DeviceOptions& options) {
  return std::make_unique<CudaDevice>(options);
}

}  // namespace windtunnel::real

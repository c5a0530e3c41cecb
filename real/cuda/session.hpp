// The GPU that points are measured on, and what they share: a stream, cuBLASLt, facts of the device.
//
// Points are listed before there is a device, so they hold a Session that `open` fills later; every
// other call before that is a bug.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <string>

#include "real/cuda/device.hpp"
#include "real/cuda/gemm.hpp"
#include "real/measuring_device.hpp"
#include "real/open_device.hpp"

namespace windtunnel::real {

struct DeviceFacts {
  int index = 0;
  std::string name;        // "NVIDIA H200"
  std::string pci_bus_id;  // "0000:19:00.0"
  int capability = 0;      // 90: compute capability 9.0
  int multiprocessors = 0;
  std::int64_t l2_bytes = 0, memory_bytes = 0;
  std::string driver;   // of the kernel driver where NVML is there, else CUDA's "13.0"
  std::string runtime;  // "13.0"
};
DeviceFacts device_facts(int index);

class Session {
 public:
  void open(int index);
  const DeviceFacts& facts() const;
  Stream& stream() const;
  CublasLt& cublas() const;

 private:
  struct Opened;
  std::shared_ptr<Opened> opened_;
};
using SharedSession = std::shared_ptr<Session>;

// Throws PointRefused where `bytes` do not fit beside what is in use now (a tenth is left free).
void require_device_memory(std::int64_t bytes);

}  // namespace windtunnel::real

// Clocks, power and throttling of a GPU as the driver's management library tells them.
//
// The library (libnvidia-ml.so.1) is loaded when asked for; where it or a function of it is missing,
// everything reads as not known (0, blank), never as an error.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "real/measuring_device.hpp"

namespace windtunnel::real {

class Nvml {
 public:
  // `pci_bus_id` as cudaDeviceGetPCIBusId writes it.
  explicit Nvml(const std::string& pci_bus_id);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  ClockState clocks() const;
  std::string driver_version() const;  // "580.65.06"; blank where not known

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

// Reasons of nvmlDeviceGetCurrentClocksEventReasons that slow a measurement down, in words: "power",
// "thermal", "hardware"; an idle GPU and fixed application clocks are none.
std::string throttle_text(std::uint64_t reasons);

}  // namespace windtunnel::real

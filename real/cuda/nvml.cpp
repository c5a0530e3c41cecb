#include "real/cuda/nvml.hpp"

#include <dlfcn.h>

#include <array>

namespace windtunnel::real {
namespace {

// The library's ABI, as far as it is used: nvml.h of CUDA 8 to 13.
using Device = void*;
using Status = int;
constexpr Status kSuccess = 0;
constexpr int kSmClock = 1, kMemoryClock = 2, kGpuTemperature = 0;

constexpr std::uint64_t kPower = 0x4 | 0x80;     // software power cap, power brake
constexpr std::uint64_t kThermal = 0x20 | 0x40;  // software, hardware thermal slowdown
constexpr std::uint64_t kHardware = 0x8;         // hardware slowdown of any cause

}  // namespace

struct Nvml::Library {
  void* handle = nullptr;
  Device device = nullptr;
  Status (*init)() = nullptr;
  Status (*shutdown)() = nullptr;
  Status (*by_bus_id)(const char*, Device*) = nullptr;
  Status (*clock)(Device, int, unsigned*) = nullptr;
  Status (*power)(Device, unsigned*) = nullptr;
  Status (*temperature)(Device, int, unsigned*) = nullptr;
  Status (*reasons)(Device, unsigned long long*) = nullptr;
  Status (*driver)(char*, unsigned) = nullptr;

  template <class Function>
  void find(Function& function, const char* name) {
    if (handle != nullptr) function = reinterpret_cast<Function>(::dlsym(handle, name));
  }

  unsigned clock_mhz(int which) const {
    unsigned value = 0;
    if (device == nullptr || clock == nullptr) return 0;
    return clock(device, which, &value) == kSuccess ? value : 0;
  }
};

Nvml::Nvml(const std::string& pci_bus_id) : library_(std::make_unique<Library>()) {
  Library& nvml = *library_;
  nvml.handle = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  nvml.find(nvml.init, "nvmlInit_v2");
  nvml.find(nvml.shutdown, "nvmlShutdown");
  nvml.find(nvml.by_bus_id, "nvmlDeviceGetHandleByPciBusId_v2");
  nvml.find(nvml.clock, "nvmlDeviceGetClockInfo");
  nvml.find(nvml.power, "nvmlDeviceGetPowerUsage");
  nvml.find(nvml.temperature, "nvmlDeviceGetTemperature");
  nvml.find(nvml.reasons, "nvmlDeviceGetCurrentClocksEventReasons");
  if (nvml.reasons == nullptr) {
    nvml.find(nvml.reasons, "nvmlDeviceGetCurrentClocksThrottleReasons");
  }
  nvml.find(nvml.driver, "nvmlSystemGetDriverVersion");
  if (nvml.init == nullptr || nvml.init() != kSuccess) {
    nvml.shutdown = nullptr;
    nvml.driver = nullptr;
    return;
  }
  if (nvml.by_bus_id == nullptr || nvml.by_bus_id(pci_bus_id.c_str(), &nvml.device) != kSuccess) {
    nvml.device = nullptr;
  }
}

Nvml::~Nvml() {
  if (library_->shutdown != nullptr) library_->shutdown();
  if (library_->handle != nullptr) ::dlclose(library_->handle);
}

ClockState Nvml::clocks() const {
  ClockState state;
  const Library& nvml = *library_;
  state.clock_mhz = nvml.clock_mhz(kSmClock);
  state.memory_clock_mhz = nvml.clock_mhz(kMemoryClock);
  if (nvml.device == nullptr) return state;
  unsigned value = 0;
  if (nvml.power != nullptr && nvml.power(nvml.device, &value) == kSuccess) {
    state.power_w = 1e-3 * value;
  }
  if (nvml.temperature != nullptr &&
      nvml.temperature(nvml.device, kGpuTemperature, &value) == kSuccess) {
    state.temperature_c = value;
  }
  unsigned long long reasons = 0;
  if (nvml.reasons != nullptr && nvml.reasons(nvml.device, &reasons) == kSuccess) {
    state.throttled = throttle_text(reasons);
  }
  return state;
}

std::string Nvml::driver_version() const {
  std::array<char, 96> text{};
  if (library_->driver == nullptr) return "";
  if (library_->driver(text.data(), static_cast<unsigned>(text.size())) != kSuccess) return "";
  return text.data();
}

std::string throttle_text(std::uint64_t reasons) {
  std::string text;
  const auto add = [&](std::uint64_t mask, const char* word) {
    if ((reasons & mask) == 0) return;
    if (!text.empty()) text += "+";
    text += word;
  };
  add(kPower, "power");
  add(kThermal, "thermal");
  add(kHardware, "hardware");
  return text;
}

}  // namespace windtunnel::real

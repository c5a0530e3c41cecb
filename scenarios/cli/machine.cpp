#include "scenarios/cli/machine.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <sstream>

namespace windtunnel::scenarios::cli {

namespace {

// The few calls of the CUDA driver API used here, by their published C signatures.
struct DriverCalls {
  int (*init)(unsigned) = nullptr;
  int (*driver_version)(int*) = nullptr;
  int (*device_count)(int*) = nullptr;
  int (*device_get)(int*, int) = nullptr;
  int (*device_name)(char*, int, int) = nullptr;
  int (*device_memory)(std::size_t*, int) = nullptr;
  int (*error_name)(int, const char**) = nullptr;
};

template <class Function>
bool bind(void* library, const char* name, Function& target) {
  target = reinterpret_cast<Function>(dlsym(library, name));
  return target != nullptr;
}

bool bind_all(void* library, DriverCalls& calls) {
  return bind(library, "cuInit", calls.init) &&
         bind(library, "cuDriverGetVersion", calls.driver_version) &&
         bind(library, "cuDeviceGetCount", calls.device_count) &&
         bind(library, "cuDeviceGet", calls.device_get) &&
         bind(library, "cuDeviceGetName", calls.device_name) &&
         bind(library, "cuDeviceTotalMem_v2", calls.device_memory) &&
         bind(library, "cuGetErrorName", calls.error_name);
}

std::string error_text(const DriverCalls& calls, int status) {
  const char* name = nullptr;
  calls.error_name(status, &name);
  return name != nullptr ? name : fmt::format("CUDA error {}", status);
}

void list_gpus(const DriverCalls& calls, CudaDriver& driver) {
  int count = 0;
  if (const int status = calls.device_count(&count); status != 0) {
    driver.trouble = error_text(calls, status);
    return;
  }
  for (int index = 0; index < count; ++index) {
    int device = 0;
    std::array<char, 128> name{};
    std::size_t memory = 0;
    if (calls.device_get(&device, index) != 0) continue;
    if (calls.device_name(name.data(), static_cast<int>(name.size()) - 1, device) != 0) continue;
    if (calls.device_memory(&memory, device) != 0) continue;
    driver.gpus.push_back({name.data(), base::Bytes(static_cast<double>(memory))});
  }
  if (driver.gpus.empty()) driver.trouble = "the driver shows no device";
}

}  // namespace

std::optional<CudaDriver> find_cuda_driver() {
  void* library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return std::nullopt;
  DriverCalls calls;
  if (!bind_all(library, calls)) return std::nullopt;
  CudaDriver driver;
  int version = 0;
  if (calls.driver_version(&version) == 0) {
    driver.version = fmt::format("{}.{}", version / 1000, version % 1000 / 10);
  }
  if (const int status = calls.init(0); status != 0) {
    driver.trouble = error_text(calls, status);
  } else {
    list_gpus(calls, driver);
  }
  return driver;
}

std::optional<std::string> find_nccl() {
  void* library = dlopen("libnccl.so.2", RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return std::nullopt;
  int (*get_version)(int*) = nullptr;
  int version = 0;
  if (!bind(library, "ncclGetVersion", get_version) || get_version(&version) != 0) {
    return std::nullopt;
  }
  // 2.9 and later: major * 10000 + minor * 100 + patch; before, major * 1000.
  const int major_unit = version < 10000 ? 1000 : 10000;
  return fmt::format("{}.{}.{}", version / major_unit, version % major_unit / 100, version % 100);
}

std::optional<std::string> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

std::optional<std::string> find_nvcc() {
  if (auto found = find_program("nvcc")) return found;
  const std::string usual = "/usr/local/cuda/bin/nvcc";
  if (access(usual.c_str(), X_OK) == 0) return usual;
  return std::nullopt;
}

}  // namespace windtunnel::scenarios::cli

#include "real/cuda/session.hpp"

#include <fmt/format.h>

#include <array>

#include "real/benchmark.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

std::string version_text(int version) {
  return version > 0 ? fmt::format("{}.{}", version / 1000, version % 1000 / 10) : "";
}

}  // namespace

DeviceFacts device_facts(int index) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  std::array<char, 32> bus_id{};
  check(cudaDeviceGetPCIBusId(bus_id.data(), static_cast<int>(bus_id.size()), index),
        "cudaDeviceGetPCIBusId");
  int driver = 0, runtime = 0;
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  DeviceFacts facts;
  facts.index = index;
  facts.name = properties.name;
  facts.pci_bus_id = bus_id.data();
  facts.capability = 10 * properties.major + properties.minor;
  facts.multiprocessors = properties.multiProcessorCount;
  facts.l2_bytes = properties.l2CacheSize;
  facts.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  facts.driver = version_text(driver);
  facts.runtime = version_text(runtime);
  return facts;
}

struct Session::Opened {
  explicit Opened(int index) : facts(device_facts(index)) {}
  DeviceFacts facts;
  Stream stream;
  CublasLt cublas;
};

void Session::open(int index) {
  use_device(index);
  opened_ = std::make_shared<Opened>(index);
}

const DeviceFacts& Session::facts() const {
  base::expects(opened_ != nullptr, "the CUDA device has been opened");
  return opened_->facts;
}
Stream& Session::stream() const {
  base::expects(opened_ != nullptr, "the CUDA device has been opened");
  return opened_->stream;
}
CublasLt& Session::cublas() const {
  base::expects(opened_ != nullptr, "the CUDA device has been opened");
  return opened_->cublas;
}

void require_device_memory(std::int64_t bytes) {
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  if (static_cast<double>(bytes) <= 0.9 * static_cast<double>(free)) return;
  constexpr double kGiB = 1 << 30;
  throw PointRefused(fmt::format("needs {:.1f} GiB of device memory, of which {:.1f} GiB are free",
                                 static_cast<double>(bytes) / kGiB,
                                 static_cast<double>(free) / kGiB));
}

}  // namespace windtunnel::real

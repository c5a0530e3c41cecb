#include "real/cuda/device.hpp"

#include <fmt/format.h>

#include <utility>

#include "sim/base/contract.hpp"

namespace windtunnel::real {

void check(cudaError_t status, std::string_view call) {
  if (status == cudaSuccess) return;
  throw base::EnvironmentError(
      fmt::format("{}: {}: {}", call, cudaGetErrorName(status), cudaGetErrorString(status)));
}

int device_count() {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  (void)cudaGetLastError();
  return 0;
}

std::string no_device_reason() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return "";
  if (status == cudaSuccess) return "no CUDA device";
  return fmt::format("no CUDA device: cudaGetDeviceCount: {}: {}", cudaGetErrorName(status),
                     cudaGetErrorString(status));
}

void use_device(int index) {
  const int count = device_count();
  if (count == 0) throw base::EnvironmentError(no_device_reason());
  if (index < 0 || index >= count) {
    throw base::EnvironmentError(
        fmt::format("no CUDA device {}: this machine has {}", index, count));
  }
  check(cudaSetDevice(index), "cudaSetDevice");
}

int device_attribute(cudaDeviceAttr attribute, std::string_view name) {
  int device = 0, value = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&value, attribute, device),
        fmt::format("cudaDeviceGetAttribute({})", name));
  return value;
}

int multiprocessors() {
  return device_attribute(cudaDevAttrMultiProcessorCount, "MultiProcessorCount");
}

DeviceBuffer::DeviceBuffer(std::int64_t bytes) : bytes_(bytes) {
  base::expects(bytes >= 0, "a buffer has no negative size");
  if (bytes == 0) return;
  check(cudaMalloc(&data_, static_cast<std::size_t>(bytes)),
        fmt::format("cudaMalloc({:.3f} GiB)", static_cast<double>(bytes) / (1LL << 30)));
}
DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}
DeviceBuffer::~DeviceBuffer() {
  if (data_ != nullptr) cudaFree(data_);
}

PinnedBuffer::PinnedBuffer(std::int64_t bytes) : bytes_(bytes) {
  base::expects(bytes > 0, "a pinned buffer has a size");
  check(cudaMallocHost(&data_, static_cast<std::size_t>(bytes)),
        fmt::format("cudaMallocHost({:.3f} GiB)", static_cast<double>(bytes) / (1LL << 30)));
}
PinnedBuffer::PinnedBuffer(PinnedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
PinnedBuffer& PinnedBuffer::operator=(PinnedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}
PinnedBuffer::~PinnedBuffer() {
  if (data_ != nullptr) cudaFreeHost(data_);
}

Stream::Stream() {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
}
Stream::Stream(Stream&& other) noexcept : stream_(std::exchange(other.stream_, nullptr)) {}
Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(stream_, other.stream_);
  return *this;
}
Stream::~Stream() {
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}
void Stream::wait() const {
  check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

Event::Event() {
  check(cudaEventCreate(&event_), "cudaEventCreate");
}
Event::Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
Event& Event::operator=(Event&& other) noexcept {
  std::swap(event_, other.event_);
  return *this;
}
Event::~Event() {
  if (event_ != nullptr) cudaEventDestroy(event_);
}
void Event::record(const Stream& stream) const {
  check(cudaEventRecord(event_, stream.get()), "cudaEventRecord");
}
void Event::wait() const {
  check(cudaEventSynchronize(event_), "cudaEventSynchronize");
}
bool Event::has_happened() const {
  const cudaError_t status = cudaEventQuery(event_);
  if (status != cudaErrorNotReady) {
    check(status, "cudaEventQuery");
    return true;
  }
  (void)cudaGetLastError();  // "not ready" would be reported by the next launch
  return false;
}
base::Seconds Event::since(const Event& start) const {
  float milliseconds = 0.0F;
  check(cudaEventElapsedTime(&milliseconds, start.event_, event_), "cudaEventElapsedTime");
  return base::Seconds(1e-3 * static_cast<double>(milliseconds));
}

void copy_to_device(void* device, const void* host, std::int64_t bytes) {
  check(cudaMemcpy(device, host, static_cast<std::size_t>(bytes), cudaMemcpyHostToDevice),
        "cudaMemcpy to the device");
  // From pageable memory the call may return before the data are there, and our streams do not wait
  // for the default one.
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}
void copy_to_host(void* host, const void* device, std::int64_t bytes) {
  check(cudaMemcpy(host, device, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost),
        "cudaMemcpy to the host");
}

}  // namespace windtunnel::real

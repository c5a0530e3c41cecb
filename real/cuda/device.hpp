// Owning handles of the CUDA runtime: memory, streams, events, and the check of every call.
//
// Contract: a call that fails throws EnvironmentError naming the call and CUDA's name for the status
// ("cudaMalloc(4.0 GiB): cudaErrorMemoryAllocation: out of memory"). Everything here is movable, is
// freed by its destructor, and belongs to the device current at its construction.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/quantity.hpp"

namespace windtunnel::real {

// Throws EnvironmentError unless `status` is cudaSuccess.
void check(cudaError_t status, std::string_view call);

// GPUs that can be used here: 0 where there is no driver or no device; never throws.
int device_count();
// A sentence that says why device_count() is 0.
std::string no_device_reason();
// Throws EnvironmentError where there is no device `index`; makes it current.
void use_device(int index);
// Of the current device.
int device_attribute(cudaDeviceAttr attribute, std::string_view name);
int multiprocessors();

// Device memory; empty when default-constructed.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::int64_t bytes);
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;
  ~DeviceBuffer();

  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

// Page-locked host memory.
class PinnedBuffer {
 public:
  explicit PinnedBuffer(std::int64_t bytes);
  PinnedBuffer(PinnedBuffer&& other) noexcept;
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept;
  ~PinnedBuffer();

  void* data() const { return data_; }
  std::int64_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

// A stream of its own (it does not wait for the legacy default stream).
class Stream {
 public:
  Stream();
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  cudaStream_t get() const { return stream_; }
  void wait() const;  // until everything queued is done; throws what the kernels threw up

 private:
  cudaStream_t stream_ = nullptr;
};

// A point in a stream with a time.
class Event {
 public:
  Event();
  Event(Event&& other) noexcept;
  Event& operator=(Event&& other) noexcept;
  ~Event();

  cudaEvent_t get() const { return event_; }
  void record(const Stream& stream) const;
  void wait() const;
  bool has_happened() const;  // without waiting
  // From `start` to this one; both have happened. Resolution about 0.5 us.
  base::Seconds since(const Event& start) const;

 private:
  cudaEvent_t event_ = nullptr;
};

// Host to device and back, blocking; for set-up and tests.
template <class T>
DeviceBuffer to_device(const std::vector<T>& values);
template <class T>
std::vector<T> to_host(const void* device, std::int64_t count);

void copy_to_device(void* device, const void* host, std::int64_t bytes);
void copy_to_host(void* host, const void* device, std::int64_t bytes);

template <class T>
DeviceBuffer to_device(const std::vector<T>& values) {
  DeviceBuffer buffer(static_cast<std::int64_t>(values.size() * sizeof(T)));
  copy_to_device(buffer.data(), values.data(), buffer.bytes());
  return buffer;
}

template <class T>
std::vector<T> to_host(const void* device, std::int64_t count) {
  std::vector<T> values(static_cast<std::size_t>(count));
  copy_to_host(values.data(), device, count * static_cast<std::int64_t>(sizeof(T)));
  return values;
}

}  // namespace windtunnel::real

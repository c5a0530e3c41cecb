// A GPU for a test, or a skipped test where there is none; device copies of random operands.
#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "real/cuda/device.hpp"
#include "tests/real/kernel_data.hpp"

namespace windtunnel::real {

class OnGpu : public testing::Test {
 protected:
  void SetUp() override {
    if (device_count() == 0) GTEST_SKIP() << "skipped: no CUDA device";
    use_device(0);
    stream_ = std::make_unique<Stream>();
  }
  cudaStream_t stream() const { return stream_->get(); }
  void wait() const { stream_->wait(); }
  const Stream& own_stream() const { return *stream_; }

 private:
  std::unique_ptr<Stream> stream_;
};

// A tensor on the device, with what it was filled with as doubles.
template <class T>
class OnDevice {
 public:
  explicit OnDevice(std::int64_t count) : count_(count), buffer_(bytes()) {
    check(cudaMemset(buffer_.data(), 0xff, static_cast<std::size_t>(bytes())), "cudaMemset");
  }
  OnDevice(std::int64_t count, std::string_view name, Uniform range = {}) : OnDevice(count) {
    Stored<T> host = random_values<T>(count, name, range);
    copy_to_device(buffer_.data(), host.data(), bytes());
    given_ = host.values();
  }
  T* data() const { return buffer_.as<T>(); }
  const reference::Values& given() const { return given_; }
  reference::Matrix given(std::int64_t rows, std::int64_t columns) const {
    return {rows, columns, given_};
  }
  reference::Values values() const {
    Stored<T> host(count_);
    copy_to_host(host.data(), buffer_.data(), bytes());
    return host.values();
  }

 private:
  std::int64_t bytes() const { return count_ * static_cast<std::int64_t>(sizeof(T)); }
  std::int64_t count_;
  DeviceBuffer buffer_;
  reference::Values given_;
};

}  // namespace windtunnel::real

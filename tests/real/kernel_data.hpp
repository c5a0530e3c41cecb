// Random operands of kernels for tests: as the kernel stores them, and as doubles for the reference.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "real/kernels/reference.hpp"
#include "sim/base/random.hpp"
#include "tests/real/storage.hpp"

namespace windtunnel::real {

// Elements as stored on a device, at an address that is 16-byte aligned (`shift` elements past one).
template <class T>
class Stored {
 public:
  explicit Stored(std::int64_t count, std::int64_t shift = 0)
      : count_(count), shift_(shift), words_(static_cast<std::size_t>((count + shift) / 4 + 8)) {}

  T* data() { return reinterpret_cast<T*>(words_.data()) + shift_; }
  std::int64_t size() const { return count_; }
  reference::Values values() {
    reference::Values out;
    for (std::int64_t i = 0; i < count_; ++i) out.push_back(double_of(data()[i]));
    return out;
  }
  reference::Matrix matrix(std::int64_t rows, std::int64_t columns) {
    return {rows, columns, values()};
  }

 private:
  struct alignas(16) Word {
    std::uint32_t w[4] = {0xffffffffU, 0xffffffffU, 0xffffffffU, 0xffffffffU};
  };
  std::int64_t count_, shift_;
  std::vector<Word> words_;
};

struct Uniform {
  double low = -1.0, high = 1.0;
};
template <class T>
Stored<T> random_values(std::int64_t count, std::string_view name, Uniform range = {},
                        std::int64_t shift = 0) {
  base::RandomStream random(7, name);
  Stored<T> out(count, shift);
  for (std::int64_t i = 0; i < count; ++i) {
    out.data()[i] = stored_as<T>(random.uniform(range.low, range.high));
  }
  return out;
}

inline std::vector<std::int32_t> random_tokens(std::int64_t count, std::int64_t limit) {
  base::RandomStream random(7, "tokens");
  std::vector<std::int32_t> out;
  for (std::int64_t i = 0; i < count; ++i) {
    out.push_back(static_cast<std::int32_t>(random.below(limit)));
  }
  return out;
}

// |got - expected| <= tolerance * (1 + |expected|) everywhere; NaN fails.
inline void expect_close(const reference::Values& got, const reference::Values& expected,
                         double tolerance, std::string_view what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  std::size_t wrong = 0, first = 0;
  double worst = 0.0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::fabs(got[i] - expected[i]) / (1.0 + std::fabs(expected[i]));
    if (!(error <= tolerance) && wrong++ == 0) first = i;
    worst = std::isnan(error) ? error : std::max(worst, error);
  }
  EXPECT_EQ(wrong, 0u) << what << ": of " << got.size() << ", the first at " << first << ": got "
                       << got[first] << ", expected " << expected[first] << "; worst " << worst;
}

// Twice the rounding of one stored value: sums run in fp32, whose error is far below it.
template <class T>
constexpr double rounding() {
  return sizeof(T) == 4 ? 2e-5 : (is_bf16<T> ? 1.0 / 128 : 1.0 / 1024);
}

}  // namespace windtunnel::real

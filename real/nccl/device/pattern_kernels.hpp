// The data pattern of pattern.hpp, written and checked on the device.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "real/nccl/pattern.hpp"

namespace windtunnel::real {

struct PatternFill {
  void* out = nullptr;
  std::int64_t count = 0;
  Element type = Element::fp32;
  std::int64_t rank = 0;
  std::uint64_t mask = 1;
};
// Element i becomes pattern_value(mask, rank, i).
void fill_pattern(const PatternFill& args, cudaStream_t stream);

// Cleared by the caller: count 0, first the largest number.
struct Mismatches {
  unsigned long long count = 0;
  unsigned long long first = ~0ULL;  // least index of a wrong element
};
struct PatternCheck {
  const void* data = nullptr;
  std::int64_t count = 0;
  Element type = Element::fp32;
  Expectation expectation;
  double tolerance = 0.0;
  Mismatches* found = nullptr;  // on the device
};
void check_pattern(const PatternCheck& args, cudaStream_t stream);

}  // namespace windtunnel::real

// Operands that take turns, so that a call does not find its own in the second-level cache.
//
// Model: between two uses of one set of operands at least twice the L2's bytes of other sets pass, so
// a set is evicted by then, as weights and activations are in a model's step. One allocation holds
// all sets; its content is random (never zeros), a pure function of `seed`.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "real/cuda/device.hpp"
#include "real/kernels/element.hpp"

namespace windtunnel::real {

// What random bytes stand for: `values` of an element type in [-1, 1), or bits under a mask.
struct RandomContent {
  enum class Kind { values, bits } kind = Kind::values;  // bits: fp8, int8
  Element element = Element::bf16;
  std::uint8_t mask = 0xff;  // of raw bytes; 0xbf keeps E4M3 finite and below 2
  float low = -1.0F, high = 1.0F;
};

class RotatingSets {
 public:
  // `sets` of `bytes` each, filled. Throws PointRefused where they do not fit into the free memory.
  RotatingSets(std::int64_t bytes, std::int64_t sets, const RandomContent& content,
               const Stream& stream);

  std::int64_t sets() const { return sets_; }
  void* at(std::int64_t call) const {
    return static_cast<char*>(buffer_.data()) + call % sets_ * pitch_;
  }

 private:
  std::int64_t pitch_, sets_;
  DeviceBuffer buffer_;
};

// How many sets of `bytes` (all operands of a call together) it takes. Pre: bytes >= 1.
std::int64_t sets_to_rotate(std::int64_t bytes, std::int64_t l2_bytes);

}  // namespace windtunnel::real

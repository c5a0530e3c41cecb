// The choice of the compiled attention kernel for a shape.
#pragma once

#include <cmath>
#include <string>
#include <type_traits>

#include "real/cuda/attention.hpp"
#include "real/cuda/launch.cuh"
#include "sim/base/contract.hpp"

namespace windtunnel::real {

// Calls f(value of the element type, std::integral_constant of the compiled head size).
template <class F>
void with_attention_kernel(const AttentionShape& shape, F f) {
  const std::string refusal = attention_refusal(shape);
  base::expects(refusal.empty(), refusal);
  const auto with_head_dim = [&](auto tag) {
    if (shape.head_dim <= 64) {
      f(tag, std::integral_constant<int, 64>{});
    } else if (shape.head_dim <= 80) {
      f(tag, std::integral_constant<int, 80>{});
    } else if (shape.head_dim <= 96) {
      f(tag, std::integral_constant<int, 96>{});
    } else {
      f(tag, std::integral_constant<int, 128>{});
    }
  };
  if (shape.type == Element::fp16) {
    with_head_dim(Fp16{});
  } else {
    with_head_dim(Bf16{});
  }
}

inline float attention_scale(const AttentionShape& shape) {
  return shape.scale > 0.0F ? shape.scale : 1.0F / std::sqrt(static_cast<float>(shape.head_dim));
}

// More than 48 KiB of shared memory a block has to be asked for; once a kernel and device.
template <class Kernel>
void allow_shared_memory(Kernel kernel, int bytes) {
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
        "cudaFuncSetAttribute(MaxDynamicSharedMemorySize) of the fused attention kernel");
}

}  // namespace windtunnel::real

// What every __global__ function of this folder needs to be launched.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "real/cuda/device.hpp"
#include "real/kernels/element.hpp"
#include "real/kernels/launch_plan.hpp"

namespace windtunnel::real {

// Calls f with a value of the C++ type that stores `element`.
template <class F>
void with_element(Element element, F f) {
  switch (element) {
    case Element::fp32:
      return f(float{});
    case Element::fp16:
      return f(Fp16{});
    case Element::bf16:
      return f(Bf16{});
  }
}

inline unsigned as_dim(std::int64_t count) {
  return static_cast<unsigned>(count);
}

}  // namespace windtunnel::real

// The instructions a kernel body is written in: threads, barriers, shuffles, tensor cores, copies.
//
// A kernel here is a body (a .cuh of inline functions that know nothing else of CUDA) and a
// __global__ function around it (a .cu of real/cuda). nvcc maps the words below to instructions; every
// other compiler sees them declared only, and the tests define them as an emulator that runs a
// block's threads as fibers. So the index arithmetic, barriers and fragment layouts of each kernel
// are held against double-precision references on machines without a GPU.
#pragma once

#include <cstdint>

#include "real/kernels/element.hpp"

#ifdef __CUDACC__
#define WINDTUNNEL_DEVICE __device__ __forceinline__
#define WINDTUNNEL_UNROLL _Pragma("unroll")
#else
#define WINDTUNNEL_DEVICE inline
#define WINDTUNNEL_UNROLL
#endif

namespace windtunnel::real {

struct alignas(16) Words {
  std::uint32_t w[4];
};

}  // namespace windtunnel::real

#ifdef __CUDACC__
#include "real/kernels/simt_device.cuh"
#else
#include "real/kernels/simt_host.cuh"
#endif

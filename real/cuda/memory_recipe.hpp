// How each memory-bound kernel is run as a point: the tensors of one set of its operands, and what to
// queue. A new kernel is one entry of recipe_of.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "real/cuda/device.hpp"
#include "real/cuda/rotating_sets.hpp"
#include "real/kernels/element.hpp"
#include "real/kernels/gpu_points.hpp"

namespace windtunnel::real {

inline constexpr std::int64_t kEmbeddingVocabulary = 32768;

// Offsets of a set's tensors by role.
struct MemoryTensors {
  std::int64_t a = 0, b = 0, c = 0, out = 0;  // rows x columns, doubled where the kernel says so
  std::int64_t row1 = 0, row2 = 0;            // one fp32 or int32 a row
};

// A kernel with its operands in place.
struct PreparedMemory {
  GpuMemory kernel;
  Element type = Element::bf16;
  MemoryTensors tensors;
  std::unique_ptr<RotatingSets> sets;
  DeviceBuffer table, weights, sums, workspace;  // shared by all sets

  template <class T = void>
  T* at(std::int64_t call, std::int64_t offset) const {
    return reinterpret_cast<T*>(static_cast<char*>(sets->at(call)) + offset);
  }
  std::int64_t count() const { return kernel.rows * kernel.columns; }
};

// The tensors of a set in units of rows x columns elements of the kernel's type, and how to queue a
// call. `ready` (may be empty) brings a set into the state the kernel expects, once.
struct MemoryRecipe {
  using Queue = std::function<void(const PreparedMemory&, std::int64_t call, cudaStream_t)>;
  std::int64_t a = 1, b = 0, c = 0, out = 1;
  Queue run{}, ready{};
};
// Throws PointRefused where there is no kernel for it.
MemoryRecipe recipe_of(const GpuMemory& kernel, Element type);

// Parts of recipe_of.
MemoryRecipe row_recipe(const GpuMemory& kernel);
void ready_tokens(const PreparedMemory& m, std::int64_t call, cudaStream_t stream);

}  // namespace windtunnel::real

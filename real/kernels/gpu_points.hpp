// What is measured on a GPU where the command line names no shapes: grids of GEMMs, attention,
// memory-bound kernels and copies. Arithmetic only: no device needed.
//
// The grids follow what a transformer asks for (linear layers of known models, whole and split over
// tensor ranks, at token counts from 1 to 16384, odd ones between), since interpolation between them
// is what a fitted profile does. `quick` is a thin slice of `full`; full is sized for 20 minutes on
// one GPU of 2022 to 2025, everything together.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/kernels/kernel_query.hpp"
#include "real/kernels/gemm_layout.hpp"
#include "real/selection.hpp"

namespace windtunnel::real {

// Who multiplies: cuBLASLt's own first choice; the fastest of its candidates; cuBLAS by itself.
enum class GemmLibrary { cublaslt, cublaslt_tuned, cublas };
std::string_view to_text(GemmLibrary library);

struct GpuGemm {
  models::GemmQuery query;
  GemmLayout layout = GemmLayout::forward;
  GemmLibrary library = GemmLibrary::cublaslt;
};
std::vector<GpuGemm> gpu_gemms(const Selection& selection);

std::vector<models::AttentionQuery> gpu_attentions(const Selection& selection);

// Every kernel of kernels.hpp that is measured, by the op its row names.
enum class MemoryPass { forward, backward };
std::string_view to_text(MemoryPass pass);

struct GpuMemory {
  models::MemoryOp op = models::MemoryOp::copy;
  MemoryPass pass = MemoryPass::forward;
  std::int64_t rows = 1, columns = 1;
  models::NumberFormat format = models::NumberFormat::bf16;
};
std::vector<GpuMemory> gpu_memories(const Selection& selection);
// All it reads and writes, each tensor once.
base::Bytes traffic(const GpuMemory& kernel);

std::vector<std::int64_t> copy_sizes(const Selection& selection);

}  // namespace windtunnel::real

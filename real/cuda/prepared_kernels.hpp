// One GEMM, attention or memory-bound kernel with its operands in place: what points and interference
// time. The work queues on the session's stream; it owns its buffers.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <string>

#include "models/kernels/kernel_query.hpp"
#include "real/benchmark.hpp"
#include "real/cuda/session.hpp"
#include "real/kernels/gpu_points.hpp"

namespace windtunnel::real {

// Each throws PointRefused where this device cannot do it, with the reason.
Prepared prepare_gemm(const GpuGemm& gemm, const Session& session);
Prepared prepare_attention(const models::AttentionQuery& query, const Session& session);
Prepared prepare_memory(const GpuMemory& kernel, const Session& session);

}  // namespace windtunnel::real

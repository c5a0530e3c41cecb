// The points of the CUDA device, one function a verb (collectives and steps are in nccl/ and steps/).
//
// Times are the device's own, from a full queue (cuda_stopwatch.hpp), except where launching itself is
// what is measured and where the host waits (pageable copies): there it is the host's clock.
#pragma once

#include <cuda_runtime_api.h>

#include <vector>

#include "real/benchmark.hpp"
#include "real/cuda/session.hpp"
#include "real/selection.hpp"

namespace windtunnel::real {

std::vector<Benchmark> cuda_gemm_benchmarks(const Selection& selection,
                                            const SharedSession& session);
std::vector<Benchmark> cuda_attention_benchmarks(const Selection& selection,
                                                 const SharedSession& session);
std::vector<Benchmark> cuda_memory_benchmarks(const Selection& selection,
                                              const SharedSession& session);
std::vector<Benchmark> cuda_copy_benchmarks(const Selection& selection,
                                            const SharedSession& session);
std::vector<Benchmark> cuda_launch_benchmarks(const SharedSession& session);
std::vector<Benchmark> cuda_interference_benchmarks(const Selection& selection,
                                                    const SharedSession& session);

}  // namespace windtunnel::real

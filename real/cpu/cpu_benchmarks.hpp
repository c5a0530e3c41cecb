// The points of the CPU device, one function a verb; MPI's are in real/mpi/.
#pragma once

#include <string>
#include <vector>

#include "real/benchmark.hpp"
#include "real/selection.hpp"

namespace windtunnel::real {

// Eigen's version, instruction set and threads: the `stack` of CPU rows, so that rows of different
// thread counts are never fitted as one.
std::string cpu_stack(int threads);
// 1 and all cores, or the one that was asked for.
std::vector<int> thread_counts(const Selection& selection);

std::vector<Benchmark> cpu_gemm_benchmarks(const Selection& selection);
std::vector<Benchmark> cpu_memory_benchmarks(const Selection& selection);
std::vector<Benchmark> cpu_launch_benchmarks(const Selection& selection);
std::vector<Benchmark> cpu_step_benchmarks(const Selection& selection);

}  // namespace windtunnel::real

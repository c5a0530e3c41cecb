// How many threads and blocks a kernel is launched with: arithmetic only, no device needed.
//
// Row kernels: a row of c columns is ceil(c / 8) packs; a group of threads owns it, each thread up to
// kCachedPacks of its packs in registers. Up to 1024 columns the group is one warp, several to a
// block; above, it is the block.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define WINDTUNNEL_EVERYWHERE __host__ __device__
#else
#define WINDTUNNEL_EVERYWHERE
#endif

namespace windtunnel::real {

inline constexpr int kCachedPacks = 4;
inline constexpr int kPackElements = 8;
inline constexpr int kWarp = 32;

struct RowPlan {
  int group_threads = kWarp;  // a multiple of the warp
  int groups = 1;  // rows a block works on at a time; above 1 only where a warp is a group
  int blocks = 0;

  int threads() const { return group_threads * groups; }
};

// One row at a time for each group, as many groups as fill the device a few times over.
// Pre: 1 <= columns <= 16384, multiprocessors >= 1.
RowPlan row_plan(std::int64_t rows, std::int64_t columns, int multiprocessors);
// Few blocks, each with many rows, because every block leaves one row of partial sums behind.
RowPlan reduction_plan(std::int64_t rows, std::int64_t columns, int multiprocessors);
// The most blocks reduction_plan can have, so the rows of its workspace.
int reduction_blocks(std::int64_t columns, int multiprocessors);

inline constexpr int kPointwiseThreads = 256;
// Blocks of kPointwiseThreads over `packs` packs, grid-stride; at least 1.
int pointwise_blocks(std::int64_t packs, int multiprocessors);

WINDTUNNEL_EVERYWHERE constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) {
  return ceil_div(a, b) * b;
}

}  // namespace windtunnel::real

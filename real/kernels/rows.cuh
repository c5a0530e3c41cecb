// A row of a matrix in the registers of the threads that own it, and reductions over it.
//
// Reductions go in a fixed order (butterfly inside a warp, then over the warps of the block), so they
// give the same bits every time and on every thread of the group.
#pragma once

#include "real/kernels/launch_plan.hpp"
#include "real/kernels/scalar.cuh"

namespace windtunnel::real {

// The threads that own one row: a warp, or the whole block.
struct RowGroup {
  int lane;        // of the group
  int threads;     // of the group
  int index;       // of the group in the block
  float* scratch;  // 32 floats of shared memory
};
inline constexpr int kRowScratchFloats = 32;

WINDTUNNEL_DEVICE RowGroup row_group(const RowPlan& plan, float* scratch) {
  const int thread = simt::thread();
  return {thread % plan.group_threads, plan.group_threads, thread / plan.group_threads, scratch};
}

struct SumOf {
  static constexpr float kIdentity = 0.0F;
  static WINDTUNNEL_DEVICE float combine(float a, float b) { return a + b; }
};
struct MaxOf {
  static constexpr float kIdentity = -3.4028235e38F;
  static WINDTUNNEL_DEVICE float combine(float a, float b) { return a > b ? a : b; }
};

template <class Operation>
WINDTUNNEL_DEVICE float reduce_warp(float value) {
  WINDTUNNEL_UNROLL
  for (int mask = kWarp / 2; mask > 0; mask /= 2) {
    value = Operation::combine(value, simt::shuffle_xor(value, mask));
  }
  return value;
}

// On every thread of the group; all of them call it.
template <class Operation>
WINDTUNNEL_DEVICE float reduce(const RowGroup& group, float value) {
  value = reduce_warp<Operation>(value);
  if (group.threads == kWarp) return value;
  const int warps = group.threads / kWarp;
  if (group.lane % kWarp == 0) group.scratch[group.lane / kWarp] = value;
  simt::block_sync();
  const int lane = group.lane % kWarp;
  value = reduce_warp<Operation>(lane < warps ? group.scratch[lane] : Operation::kIdentity);
  simt::block_sync();
  return value;
}

// kCachedPacks packs of one row, as this thread owns them.
struct RowPart {
  float v[kCachedPacks][kPack];
};
WINDTUNNEL_DEVICE std::int64_t part_column(const RowGroup& group, int part) {
  return (static_cast<std::int64_t>(part) * group.threads + group.lane) * kPack;
}
template <class T>
WINDTUNNEL_DEVICE void load_row(const RowGroup& group, const T* row, std::int64_t columns,
                                RowPart& part) {
  WINDTUNNEL_UNROLL
  for (int i = 0; i < kCachedPacks; ++i) {
    const std::int64_t column = part_column(group, i);
    load_pack(row + column, columns - column, part.v[i]);
  }
}
template <class T>
WINDTUNNEL_DEVICE void store_row(const RowGroup& group, T* row, std::int64_t columns,
                                 const RowPart& part) {
  WINDTUNNEL_UNROLL
  for (int i = 0; i < kCachedPacks; ++i) {
    const std::int64_t column = part_column(group, i);
    store_pack(row + column, columns - column, part.v[i]);
  }
}
// The same for rows of whole packs.
template <class T>
WINDTUNNEL_DEVICE void load_whole_row(const RowGroup& group, const T* row, std::int64_t columns,
                                      RowPart& part) {
  WINDTUNNEL_UNROLL
  for (int i = 0; i < kCachedPacks; ++i) {
    const std::int64_t column = part_column(group, i);
    load_whole(row + column, columns - column, part.v[i]);
  }
}
template <class T>
WINDTUNNEL_DEVICE void store_whole_row(const RowGroup& group, T* row, std::int64_t columns,
                                       const RowPart& part) {
  WINDTUNNEL_UNROLL
  for (int i = 0; i < kCachedPacks; ++i) {
    const std::int64_t column = part_column(group, i);
    store_whole(row + column, columns - column, part.v[i]);
  }
}
// Sum of f(pack, element, column) over the columns of the row that this thread owns.
template <class F>
WINDTUNNEL_DEVICE float sum_of(const RowGroup& group, std::int64_t columns, F f) {
  float total = 0.0F;
  WINDTUNNEL_UNROLL
  for (int i = 0; i < kCachedPacks; ++i) {
    const std::int64_t column = part_column(group, i);
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) {
      if (column + e < columns) total += f(i, e);
    }
  }
  return total;
}

}  // namespace windtunnel::real

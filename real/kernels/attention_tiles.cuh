// Tiles of attention in shared memory and the fragments of tensor-core products on them.
//
// A tile is rows of D elements, each row padded by 16 bytes: row pitches of 9, 11, 13 and 17 chunks
// of 16 bytes are odd, so the eight rows of an 8x8 matrix lie in different banks.
// Fragment layouts: PTX ISA, "Matrix fragments for mma.m16n8k16"; lane = 4 * group + t holds of the
// 16 x 8 accumulator d[0], d[1] = (row group, columns 2t, 2t + 1) and d[2], d[3] = (row group + 8,
// the same columns). Two neighbouring accumulators, rounded, are the A operand of the next product
// with their columns as its contraction: no trip through shared memory.
#pragma once

#include "real/kernels/attention_arguments.hpp"
#include "real/kernels/launch_plan.hpp"
#include "real/kernels/scalar.cuh"

namespace windtunnel::real {

template <int D>
inline constexpr int kPitch = D + 8;  // elements from row to row

// kRows rows of a tensor into shared memory, zeros for rows past `rows_left` and columns past
// head_dim. `global` is the tile's first row; 16-byte copies, not yet waited for.
template <int D, int kRows, int kThreads, class T>
WINDTUNNEL_DEVICE void load_tile(T* tile, const T* global, std::int64_t stride,
                                 std::int64_t rows_left, std::int64_t head_dim) {
  // A thread keeps its column and walks down: two registers of address, whatever the tile.
  constexpr int kRowThreads = D <= 64 ? 8 : 16, kStep = kThreads / kRowThreads;
  const int left = static_cast<int>(rows_left < kRows ? rows_left : kRows);
  const int first = simt::thread() / kRowThreads, column = simt::thread() % kRowThreads * 8;
  if (column >= D) return;
  const bool inside = column < head_dim;
  const T* from = global + first * stride + column;
  T* const to = tile + first * kPitch<D> + column;
  WINDTUNNEL_UNROLL
  for (int row = 0; row < kRows; row += kStep) {
    const bool valid = inside && first + row < left;
    simt::copy_async(to + row * kPitch<D>, valid ? from : global, valid ? 16 : 0);
    from += kStep * stride;
  }
}

// The rows of one warp's part of a tile to global memory, 16 bytes a lane and turn.
template <int D, int kRows, class T>
WINDTUNNEL_DEVICE void store_rows(const T* tile, T* global, std::int64_t stride,
                                  std::int64_t rows_left, std::int64_t head_dim) {
  constexpr int kChunks = D / 8;
  const int lane = simt::thread() % kWarp;
  for (int index = lane; index < kRows * kChunks; index += kWarp) {
    const int row = index / kChunks, column = index % kChunks * 8;
    if (row < rows_left && column < head_dim) {
      simt::store_words(global + row * stride + column,
                        simt::load_words(tile + row * kPitch<D> + column));
    }
  }
}

// A operand, 16 rows x 16 of the contraction, of a tile stored [row][contraction].
template <class T>
WINDTUNNEL_DEVICE void load_a(std::uint32_t (&a)[4], const T* tile, int pitch) {
  const int lane = simt::thread() % kWarp;
  simt::load_matrices(a, tile + lane % 16 * pitch + lane / 16 * 8);
}
// The same of a tile stored [contraction][row].
template <class T>
WINDTUNNEL_DEVICE void load_a_transposed(std::uint32_t (&a)[4], const T* tile, int pitch) {
  const int lane = simt::thread() % kWarp;
  simt::load_matrices_transposed(a, tile + (lane % 8 + lane / 16 * 8) * pitch + lane / 8 % 2 * 8);
}
// B operands of two neighbouring column blocks, 16 of the contraction x 2 x 8 columns, of a tile
// stored [column][contraction]: b[0], b[1] of the first, b[2], b[3] of the second.
template <class T>
WINDTUNNEL_DEVICE void load_b(std::uint32_t (&b)[4], const T* tile, int pitch) {
  const int lane = simt::thread() % kWarp;
  simt::load_matrices(b, tile + (lane % 8 + lane / 16 * 8) * pitch + lane / 8 % 2 * 8);
}
// The same of a tile stored [contraction][column].
template <class T>
WINDTUNNEL_DEVICE void load_b_transposed(std::uint32_t (&b)[4], const T* tile, int pitch) {
  const int lane = simt::thread() % kWarp;
  simt::load_matrices_transposed(b, tile + lane % 16 * pitch + lane / 16 * 8);
}

// The A operand that two neighbouring accumulators make.
template <class T>
WINDTUNNEL_DEVICE void as_a(std::uint32_t (&a)[4], const float (&left)[4],
                            const float (&right)[4]) {
  a[0] = pack_pair(T{}, left[0], left[1]);
  a[1] = pack_pair(T{}, left[2], left[3]);
  a[2] = pack_pair(T{}, right[0], right[1]);
  a[3] = pack_pair(T{}, right[2], right[3]);
}

template <int kBlocks>
WINDTUNNEL_DEVICE void clear(float (&d)[kBlocks][4]) {
  WINDTUNNEL_UNROLL
  for (int block = 0; block < kBlocks; ++block) {
    WINDTUNNEL_UNROLL
    for (int i = 0; i < 4; ++i) d[block][i] = 0.0F;
  }
}

// Accumulators, times `factor` and rounded, into 16 rows of a tile.
template <class T, int kBlocks>
WINDTUNNEL_DEVICE void stage(T* tile, int pitch, const float (&d)[kBlocks][4],
                             const float (&factor)[2]) {
  const int lane = simt::thread() % kWarp;
  T* at = tile + lane / 4 * pitch + lane % 4 * 2;
  WINDTUNNEL_UNROLL
  for (int block = 0; block < kBlocks; ++block) {
    WINDTUNNEL_UNROLL
    for (int half = 0; half < 2; ++half) {
      *reinterpret_cast<std::uint32_t*>(at + half * 8 * pitch + block * 8) =
          pack_pair(T{}, d[block][2 * half] * factor[half], d[block][2 * half + 1] * factor[half]);
    }
  }
}

WINDTUNNEL_DEVICE float minus_infinity() {
  return simt::float_of(0xff800000U);
}
WINDTUNNEL_DEVICE float plus_infinity() {
  return simt::float_of(0x7f800000U);
}

}  // namespace windtunnel::real

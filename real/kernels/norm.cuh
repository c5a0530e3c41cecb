// Bodies of layer norm and RMS norm, forward and backward (Ba, Kiros, Hinton 2016; Zhang, Sennrich
// 2019), and of the column sums that their weights' gradients are.
//
// Forward: the row stays in registers; mean first, then the variance around it (two passes over
// registers, one over memory). Backward, xhat = (x - mean) * rstd and g = dy * gamma:
//   dx = rstd * (g - mean(g) - xhat * mean(g * xhat));  RMS norm: without mean(g), mean = 0
//   dgamma = sum over rows of dy * xhat,  dbeta = sum over rows of dy.
// Columns are whole packs (a multiple of 8). Each block sums its rows in registers, its warps in order in shared memory, and leaves one partial
// row; finish_column_sums adds those up in order.
#pragma once

#include "real/kernels/kernel_arguments.hpp"
#include "real/kernels/rows.cuh"

namespace windtunnel::real {

template <class T>
WINDTUNNEL_DEVICE void layer_norm_body(const LayerNorm& args, const RowPlan& plan, float* shared) {
  const RowGroup group = row_group(plan, shared);
  const std::int64_t step = static_cast<std::int64_t>(simt::blocks_x()) * plan.groups;
  const float columns = static_cast<float>(args.columns);
  RowPart x;
  for (std::int64_t row = static_cast<std::int64_t>(simt::block_x()) * plan.groups + group.index;
       row < args.rows; row += step) {
    load_whole_row(group, static_cast<const T*>(args.x) + row * args.columns, args.columns, x);
    const float mean =
        reduce<SumOf>(group, sum_of(group, args.columns, [&](int i, int e) { return x.v[i][e]; })) /
        columns;
    const float spread = reduce<SumOf>(group, sum_of(group, args.columns, [&](int i, int e) {
                                         return (x.v[i][e] - mean) * (x.v[i][e] - mean);
                                       }));
    const float rstd = simt::reciprocal_root(spread / columns + args.epsilon);
    const auto scaled = [&](std::int64_t column, float(&v)[kPack]) {
      float gamma[kPack], beta[kPack];
      load_whole(static_cast<const T*>(args.gamma) + column, args.columns - column, gamma);
      load_whole(static_cast<const T*>(args.beta) + column, args.columns - column, beta);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) v[e] = (v[e] - mean) * rstd * gamma[e] + beta[e];
    };
    WINDTUNNEL_UNROLL
    for (int i = 0; i < kCachedPacks; ++i) scaled(part_column(group, i), x.v[i]);
    store_whole_row(group, static_cast<T*>(args.y) + row * args.columns, args.columns, x);
    if (group.lane == 0 && args.mean != nullptr) args.mean[row] = mean;
    if (group.lane == 0 && args.rstd != nullptr) args.rstd[row] = rstd;
  }
}

template <class T>
WINDTUNNEL_DEVICE void rms_norm_body(const RmsNorm& args, const RowPlan& plan, float* shared) {
  const RowGroup group = row_group(plan, shared);
  const std::int64_t step = static_cast<std::int64_t>(simt::blocks_x()) * plan.groups;
  RowPart x;
  for (std::int64_t row = static_cast<std::int64_t>(simt::block_x()) * plan.groups + group.index;
       row < args.rows; row += step) {
    load_whole_row(group, static_cast<const T*>(args.x) + row * args.columns, args.columns, x);
    const float squares = reduce<SumOf>(
        group, sum_of(group, args.columns, [&](int i, int e) { return x.v[i][e] * x.v[i][e]; }));
    const float rrms =
        simt::reciprocal_root(squares / static_cast<float>(args.columns) + args.epsilon);
    WINDTUNNEL_UNROLL
    for (int i = 0; i < kCachedPacks; ++i) {
      const std::int64_t column = part_column(group, i);
      float gamma[kPack];
      load_whole(static_cast<const T*>(args.gamma) + column, args.columns - column, gamma);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) x.v[i][e] *= rrms * gamma[e];
    }
    store_whole_row(group, static_cast<T*>(args.y) + row * args.columns, args.columns, x);
    if (group.lane == 0 && args.rrms != nullptr) args.rrms[row] = rrms;
  }
}

// Both backward norms: RMS norm has no mean, no dbeta and no mean(g).
enum class NormKind { layer, rms };
struct NormBackward {
  NormKind kind;
  const void *dy, *x, *gamma;
  const float *mean, *rstd;  // mean: layer only
  void* dx;
  float *gamma_partials, *beta_partials;  // [blocks][columns]; beta: layer only
  std::int64_t rows, columns;
};

// Adds the group's part to `sums`[columns] in shared memory, one warp after the other, and writes the
// block's row of partial sums.
WINDTUNNEL_DEVICE void leave_partials(const RowGroup& group, const RowPlan& plan,
                                      const RowPart& part, std::int64_t columns, float* sums,
                                      float* partials) {
  float* row = partials + static_cast<std::int64_t>(simt::block_x()) * columns;
  if (plan.groups == 1) {
    store_whole_row(group, row, columns, part);
    return;
  }
  for (int turn = 0; turn < plan.groups; ++turn) {
    if (group.index == turn) {
      WINDTUNNEL_UNROLL
      for (int i = 0; i < kCachedPacks; ++i) {
        const std::int64_t column = part_column(group, i);
        WINDTUNNEL_UNROLL
        for (int e = 0; e < kPack; ++e) {
          if (column + e >= columns) continue;
          sums[column + e] = turn == 0 ? part.v[i][e] : sums[column + e] + part.v[i][e];
        }
      }
    }
    simt::block_sync();
  }
  for (std::int64_t column = simt::thread(); column < columns; column += simt::threads()) {
    row[column] = sums[column];
  }
  simt::block_sync();
}

WINDTUNNEL_DEVICE void clear(RowPart& part) {
  WINDTUNNEL_UNROLL
  for (int i = 0; i < kCachedPacks; ++i) {
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) part.v[i][e] = 0.0F;
  }
}

// One pack of a row: xhat and g.
template <class T>
WINDTUNNEL_DEVICE void norm_pack(const NormBackward& args, std::int64_t row, std::int64_t column,
                                 float (&dy)[kPack], float (&xhat)[kPack], float (&g)[kPack]) {
  const std::int64_t left = args.columns - column, at = row * args.columns + column;
  const float mean = args.kind == NormKind::layer ? args.mean[row] : 0.0F;
  const float rstd = args.rstd[row];
  load_whole(static_cast<const T*>(args.x) + at, left, xhat);
  load_whole(static_cast<const T*>(args.dy) + at, left, dy);
  load_whole(static_cast<const T*>(args.gamma) + column, left, g);
  WINDTUNNEL_UNROLL
  for (int e = 0; e < kPack; ++e) {
    xhat[e] = e < left ? (xhat[e] - mean) * rstd : 0.0F;
    g[e] *= dy[e];
  }
}

// The row is read twice, the second time out of the caches: registers are for the sums over rows.
// `shared`: kRowScratchFloats, then `columns` floats where a block has several groups.
template <class T>
WINDTUNNEL_DEVICE void norm_backward_body(const NormBackward& args, const RowPlan& plan,
                                          float* shared) {
  const RowGroup group = row_group(plan, shared);
  const std::int64_t step = static_cast<std::int64_t>(simt::blocks_x()) * plan.groups;
  const float columns = static_cast<float>(args.columns);
  RowPart dgamma, dbeta;
  clear(dgamma);
  clear(dbeta);
  float dy[kPack], xhat[kPack], g[kPack];
  for (std::int64_t row = static_cast<std::int64_t>(simt::block_x()) * plan.groups + group.index;
       row < args.rows; row += step) {
    float products = 0.0F, gradients = 0.0F;
    WINDTUNNEL_UNROLL
    for (int i = 0; i < kCachedPacks; ++i) {
      norm_pack<T>(args, row, part_column(group, i), dy, xhat, g);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) {
        dgamma.v[i][e] += dy[e] * xhat[e];
        if (args.kind == NormKind::layer) dbeta.v[i][e] += dy[e];
        products += g[e] * xhat[e];
        gradients += g[e];
      }
    }
    const float projection = reduce<SumOf>(group, products) / columns;
    const float shift =
        args.kind == NormKind::layer ? reduce<SumOf>(group, gradients) / columns : 0.0F;
    const float rstd = args.rstd[row];
    WINDTUNNEL_UNROLL
    for (int i = 0; i < kCachedPacks; ++i) {
      const std::int64_t column = part_column(group, i);
      norm_pack<T>(args, row, column, dy, xhat, g);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) g[e] = rstd * (g[e] - shift - xhat[e] * projection);
      store_whole(static_cast<T*>(args.dx) + row * args.columns + column, args.columns - column, g);
    }
  }
  float* sums = shared + kRowScratchFloats;
  leave_partials(group, plan, dgamma, args.columns, sums, args.gamma_partials);
  if (args.kind == NormKind::layer) {
    leave_partials(group, plan, dbeta, args.columns, sums, args.beta_partials);
  }
}

template <class T>
WINDTUNNEL_DEVICE void column_sum_body(const ColumnSum& args, const RowPlan& plan, float* shared) {
  const RowGroup group = row_group(plan, shared);
  const std::int64_t step = static_cast<std::int64_t>(simt::blocks_x()) * plan.groups;
  RowPart total, x;
  clear(total);
  for (std::int64_t row = static_cast<std::int64_t>(simt::block_x()) * plan.groups + group.index;
       row < args.rows; row += step) {
    load_whole_row(group, static_cast<const T*>(args.x) + row * args.columns, args.columns, x);
    WINDTUNNEL_UNROLL
    for (int i = 0; i < kCachedPacks; ++i) {
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) total.v[i][e] += x.v[i][e];
    }
  }
  leave_partials(group, plan, total, args.columns, shared + kRowScratchFloats, args.workspace);
}

// out[c] = sum over the rows of partials[rows][columns]; blocks of 256 threads, 32 columns each.
struct PartialSums {
  const float* partials;
  float* out;
  std::int64_t rows, columns;
};
inline constexpr int kFinishThreads = 256;
WINDTUNNEL_DEVICE void finish_column_sums_body(const PartialSums& args, float* shared) {
  const int lane = simt::thread() % kWarp, strip = simt::thread() / kWarp;
  constexpr int kStrips = kFinishThreads / kWarp;
  const std::int64_t column = static_cast<std::int64_t>(simt::block_x()) * kWarp + lane;
  float total = 0.0F;
  if (column < args.columns) {
    for (std::int64_t row = strip; row < args.rows; row += kStrips) {
      total += args.partials[row * args.columns + column];
    }
  }
  shared[simt::thread()] = total;
  simt::block_sync();
  if (strip != 0 || column >= args.columns) return;
  for (int other = 1; other < kStrips; ++other) total += shared[other * kWarp + lane];
  args.out[column] = total;
}

}  // namespace windtunnel::real

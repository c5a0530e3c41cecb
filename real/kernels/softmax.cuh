// Bodies of softmax with causal mask and dropout, and of cross-entropy, forward and backward.
//
// Softmax keeps its row in registers. Cross-entropy reads the logits once, each thread with a running
// maximum m and sum s of exp(x - m), rescaled when m grows (Milakov and Gimelshein 2018, "Online
// normalizer calculation for softmax", arXiv 1805.02867, algorithm 3).
#pragma once

#include "real/kernels/kernel_arguments.hpp"
#include "real/kernels/random.cuh"
#include "real/kernels/rows.cuh"

namespace windtunnel::real {

template <class T>
WINDTUNNEL_DEVICE void softmax_body(const Softmax& args, const RowPlan& plan, float* shared) {
  const RowGroup group = row_group(plan, shared);
  const std::int64_t step = static_cast<std::int64_t>(simt::blocks_x()) * plan.groups;
  const std::int64_t packs = ceil_div(args.columns, kPack);
  const DropoutMask mask = dropout_mask(args.seed, args.probability);
  RowPart x;
  for (std::int64_t row = static_cast<std::int64_t>(simt::block_x()) * plan.groups + group.index;
       row < args.rows; row += step) {
    const std::int64_t seen = args.causal_rows > 0
                                  ? args.columns - args.causal_rows + row % args.causal_rows + 1
                                  : args.columns;
    load_row(group, static_cast<const T*>(args.x) + row * args.columns, args.columns, x);
    float greatest = MaxOf::kIdentity;
    WINDTUNNEL_UNROLL
    for (int i = 0; i < kCachedPacks; ++i) {
      const std::int64_t left = seen - part_column(group, i);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) {
        x.v[i][e] = e < left ? x.v[i][e] * args.scale : MaxOf::kIdentity;
        greatest = MaxOf::combine(greatest, x.v[i][e]);
      }
    }
    greatest = reduce<MaxOf>(group, greatest);
    float total = 0.0F;
    WINDTUNNEL_UNROLL
    for (int i = 0; i < kCachedPacks; ++i) {
      const std::int64_t left = seen - part_column(group, i);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) {
        x.v[i][e] = e < left ? exponential(x.v[i][e] - greatest) : 0.0F;
        total += x.v[i][e];
      }
    }
    const float inverse = 1.0F / reduce<SumOf>(group, total);
    WINDTUNNEL_UNROLL
    for (int i = 0; i < kCachedPacks; ++i) {
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) x.v[i][e] *= inverse;
    }
    if (args.p != nullptr && args.p != args.y) {
      store_row(group, static_cast<T*>(args.p) + row * args.columns, args.columns, x);
    }
    WINDTUNNEL_UNROLL
    for (int i = 0; i < kCachedPacks; ++i) {
      apply_dropout(mask, row * packs + part_column(group, i) / kPack, x.v[i]);
    }
    store_row(group, static_cast<T*>(args.y) + row * args.columns, args.columns, x);
  }
}

template <class T>
WINDTUNNEL_DEVICE void softmax_backward_body(const SoftmaxBackward& args, const RowPlan& plan,
                                             float* shared) {
  const RowGroup group = row_group(plan, shared);
  const std::int64_t step = static_cast<std::int64_t>(simt::blocks_x()) * plan.groups;
  const std::int64_t packs = ceil_div(args.columns, kPack);
  const DropoutMask mask = dropout_mask(args.seed, args.probability);
  RowPart g;
  float p[kPack];
  for (std::int64_t row = static_cast<std::int64_t>(simt::block_x()) * plan.groups + group.index;
       row < args.rows; row += step) {
    const T* probabilities = static_cast<const T*>(args.p) + row * args.columns;
    load_row(group, static_cast<const T*>(args.dy) + row * args.columns, args.columns, g);
    float inner = 0.0F;
    WINDTUNNEL_UNROLL
    for (int i = 0; i < kCachedPacks; ++i) {
      const std::int64_t column = part_column(group, i);
      apply_dropout(mask, row * packs + column / kPack, g.v[i]);
      load_pack(probabilities + column, args.columns - column, p);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) inner += g.v[i][e] * p[e];
    }
    inner = reduce<SumOf>(group, inner);
    WINDTUNNEL_UNROLL
    for (int i = 0; i < kCachedPacks; ++i) {
      const std::int64_t column = part_column(group, i);
      load_pack(probabilities + column, args.columns - column, p);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) g.v[i][e] = args.scale * p[e] * (g.v[i][e] - inner);
    }
    store_row(group, static_cast<T*>(args.dx) + row * args.columns, args.columns, g);
  }
}

// One block a row, any number of columns.
WINDTUNNEL_DEVICE RowGroup whole_block(float* scratch) {
  return {simt::thread(), simt::threads(), 0, scratch};
}

template <class T>
WINDTUNNEL_DEVICE void cross_entropy_body(const CrossEntropy& args, float* shared) {
  const RowGroup group = whole_block(shared);
  const std::int64_t step = static_cast<std::int64_t>(group.threads) * kPack;
  for (std::int64_t row = simt::block_x(); row < args.rows; row += simt::blocks_x()) {
    const T* logits = static_cast<const T*>(args.logits) + row * args.columns;
    float greatest = MaxOf::kIdentity, total = 0.0F;
    for (std::int64_t column = static_cast<std::int64_t>(group.lane) * kPack; column < args.columns;
         column += step) {
      const std::int64_t left = args.columns - column;
      float x[kPack], before = greatest;
      load_pack(logits + column, left, x);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) {
        if (e < left) greatest = MaxOf::combine(greatest, x[e]);
      }
      total *= exponential(before - greatest);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) total += e < left ? exponential(x[e] - greatest) : 0.0F;
    }
    const float of_all = reduce<MaxOf>(group, greatest);
    total = reduce<SumOf>(group, total * exponential(greatest - of_all));
    if (group.lane != 0) continue;
    const float lse = of_all + simt::log2(total) * kLn2;
    args.lse[row] = lse;
    args.loss[row] = lse - to_float(logits[args.targets[row]]);
  }
}

template <class T>
WINDTUNNEL_DEVICE void cross_entropy_backward_body(const CrossEntropyBackward& args) {
  const std::int64_t step = static_cast<std::int64_t>(simt::threads()) * kPack;
  for (std::int64_t row = simt::block_x(); row < args.rows; row += simt::blocks_x()) {
    const std::int64_t target = args.targets[row];
    const float lse = args.lse[row];
    const std::int64_t at = row * args.columns;
    for (std::int64_t column = static_cast<std::int64_t>(simt::thread()) * kPack;
         column < args.columns; column += step) {
      const std::int64_t left = args.columns - column;
      float x[kPack];
      load_pack(static_cast<const T*>(args.logits) + at + column, left, x);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) {
        x[e] = args.scale * (exponential(x[e] - lse) - (column + e == target ? 1.0F : 0.0F));
      }
      store_pack(static_cast<T*>(args.dlogits) + at + column, left, x);
    }
  }
}

}  // namespace windtunnel::real

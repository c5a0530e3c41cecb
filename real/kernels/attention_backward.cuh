// Bodies of fused attention, backward: FlashAttention-2, algorithm 2 (Dao 2023, arXiv 2307.08691).
//
// A block takes 128 keys of one kv head, each of its eight warps 16 of them, and walks over the tiles
// of 64 queries that see them, of every query head of the group. With scores transposed (rows keys,
// columns queries):
//   P^T = 2^(scale log2(e) K Q^T - log2(e) lse)      dP^T = V dO^T       dS^T = P^T (dP^T - delta)
//   dV += P^T dO      dK += dS^T Q      dQ += dS K      delta = sum over dims of dO * O
// so that P^T and dS^T leave the tensor cores as the A operands of dV and dK; dS goes through shared
// memory once, for dQ. dK and dV stay in registers (fixed order); dQ is added in fp32 by atomics. The
// factor `scale` of dK and dQ is applied at the end. Q and dO are double-buffered.
#pragma once

#include "real/kernels/attention_tiles.cuh"
#include "real/kernels/pointwise.cuh"
#include "real/kernels/rows.cuh"

namespace windtunnel::real {

inline constexpr int kNoDiagonal = 1 << 30;

template <int D>
struct BackwardGeometry {
  static constexpr int kKeys = 128, kQueries = 64, kThreads = 256;
  static constexpr int kScorePitch = kQueries + 8;
  static constexpr int kTileElements = (2 * kKeys + 4 * kQueries) * kPitch<D> + kKeys * kScorePitch;
  static constexpr int kSharedBytes =
      kTileElements * 2 + 4 * kQueries * static_cast<int>(sizeof(float));
};

// What the bodies share: dq_sums [batch][heads][q_len][head_dim], delta [batch][heads][q_len].
struct BackwardScratch {
  float *dq_sums, *delta;
};

// Shared memory of a block; [2]: the two buffers.
template <class T, int D>
struct BackwardTiles {
  using Geometry = BackwardGeometry<D>;
  T *keys, *values, *scores;
  T *queries, *d_outputs;   // [2][64]
  float *lse_log2, *delta;  // [2][64]

  WINDTUNNEL_DEVICE explicit BackwardTiles(T* shared)
      : keys(shared),
        values(keys + Geometry::kKeys * kPitch<D>),
        scores(values + Geometry::kKeys * kPitch<D>),
        queries(scores + Geometry::kKeys * Geometry::kScorePitch),
        d_outputs(queries + 2 * Geometry::kQueries * kPitch<D>),
        lse_log2(reinterpret_cast<float*>(d_outputs + 2 * Geometry::kQueries * kPitch<D>)),
        delta(lse_log2 + 2 * Geometry::kQueries) {}
};

// acc[16 keys x 64 queries] = own 16 rows of `rows` times `columns`^T, contraction D.
template <class T, int D>
WINDTUNNEL_DEVICE void multiply_transposed(const T* rows, const T* columns, float (&acc)[8][4]) {
  clear(acc);
  WINDTUNNEL_UNROLL
  for (int k = 0; k < D; k += 16) {
    std::uint32_t a[4], b[4];
    load_a(a, rows + k, kPitch<D>);
    WINDTUNNEL_UNROLL
    for (int n = 0; n < 4; ++n) {
      load_b(b, columns + 16 * n * kPitch<D> + k, kPitch<D>);
      simt::multiply_add(T{}, acc[2 * n], a, b[0], b[1]);
      simt::multiply_add(T{}, acc[2 * n + 1], a, b[2], b[3]);
    }
  }
}

// acc[16 keys x D] += scores^T [16 keys x 64 queries] times `columns` [64 queries x D].
template <class T, int D>
WINDTUNNEL_DEVICE void add_product(const float (&scores)[8][4], const T* columns,
                                   float (&acc)[D / 8][4]) {
  WINDTUNNEL_UNROLL
  for (int k = 0; k < 4; ++k) {
    std::uint32_t a[4], b[4];
    as_a<T>(a, scores[2 * k], scores[2 * k + 1]);
    WINDTUNNEL_UNROLL
    for (int n = 0; n < D / 16; ++n) {
      load_b_transposed(b, columns + 16 * k * kPitch<D> + 16 * n, kPitch<D>);
      simt::multiply_add(T{}, acc[2 * n], a, b[0], b[1]);
      simt::multiply_add(T{}, acc[2 * n + 1], a, b[2], b[3]);
    }
  }
}

// Scores to probabilities. `key_less_query`: (first key of the warp) - (first query of the tile) -
// offset, so a key is seen where key - query + key_less_query <= 0; very small: no causal mask.
WINDTUNNEL_DEVICE void probabilities(float (&s)[8][4], const float* lse_log2, float scale_log2,
                                     int keys_left, int key_less_query) {
  const int lane = simt::thread() % kWarp;
  const bool whole = keys_left >= 16 && key_less_query + 15 <= 0;
  WINDTUNNEL_UNROLL
  for (int n = 0; n < 8; ++n) {
    WINDTUNNEL_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int key = lane / 4 + i / 2 * 8, query = n * 8 + lane % 4 * 2 + i % 2;
      const float p = simt::exp2(s[n][i] * scale_log2 - lse_log2[query]);
      const bool seen = whole || (key < keys_left && key - query + key_less_query <= 0);
      s[n][i] = seen ? p : 0.0F;
    }
  }
}

// dp to ds = p (dp - delta), and ds to the shared tile [key][query].
template <class T, int D>
WINDTUNNEL_DEVICE void score_gradients(const float (&p)[8][4], const float* delta,
                                       float (&dp)[8][4], T* own_scores) {
  const int lane = simt::thread() % kWarp;
  WINDTUNNEL_UNROLL
  for (int n = 0; n < 8; ++n) {
    WINDTUNNEL_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int query = n * 8 + lane % 4 * 2 + i % 2;
      dp[n][i] = p[n][i] * (dp[n][i] - delta[query]);
    }
  }
  const float one[2] = {1.0F, 1.0F};
  stage(own_scores, BackwardGeometry<D>::kScorePitch, dp, one);
}

// The block's 64 x D part of dQ from dS (shared) and K: warp w takes queries 16 (w mod 4) and one
// half of the columns.
template <class T, int D>
WINDTUNNEL_DEVICE void add_query_gradients(const BackwardTiles<T, D>& tiles, float* dq_sums,
                                           int rows_left, int head_dim) {
  using Geometry = BackwardGeometry<D>;
  constexpr int kHalf = (D + 31) / 32 * 16;  // columns of the first half
  const int warp = simt::thread() / kWarp, lane = simt::thread() % kWarp;
  const int first_row = warp % 4 * 16, first_column = warp / 4 * kHalf;
  float acc[kHalf / 8][4];
  clear(acc);
  WINDTUNNEL_UNROLL
  for (int k = 0; k < Geometry::kKeys; k += 16) {
    std::uint32_t a[4], b[4];
    load_a_transposed(a, tiles.scores + k * Geometry::kScorePitch + first_row,
                      Geometry::kScorePitch);
    WINDTUNNEL_UNROLL
    for (int n = 0; n < kHalf / 16; ++n) {
      const int column = first_column + 16 * n;
      if (column >= D) continue;
      load_b_transposed(b, tiles.keys + k * kPitch<D> + column, kPitch<D>);
      simt::multiply_add(T{}, acc[2 * n], a, b[0], b[1]);
      simt::multiply_add(T{}, acc[2 * n + 1], a, b[2], b[3]);
    }
  }
  WINDTUNNEL_UNROLL
  for (int n = 0; n < kHalf / 8; ++n) {
    const int column = first_column + 8 * n + lane % 4 * 2;
    WINDTUNNEL_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int row = first_row + lane / 4 + half * 8;
      if (row < rows_left && column < head_dim) {
        simt::atomic_add_pair(dq_sums + row * head_dim + column, acc[n][2 * half],
                              acc[n][2 * half + 1]);
      }
    }
  }
}

// A tile of queries: those of a head that see the block's keys in order, then the next head's.
struct QueryCursor {
  int head, query;
};
struct QueryOrder {
  int first_query, q_len;
  WINDTUNNEL_DEVICE QueryCursor after(const QueryCursor& at) const {
    const bool more = at.query + 64 < q_len;
    return {more ? at.head : at.head + 1, more ? at.query + 64 : first_query};
  }
};

template <class T, int D>
WINDTUNNEL_DEVICE void load_queries(const AttentionBackward& args, const BackwardTiles<T, D>& tiles,
                                    const QueryCursor& cursor, int buffer) {
  using Geometry = BackwardGeometry<D>;
  const std::int64_t batch = simt::block_z(), rows_left = args.shape.q_len - cursor.query;
  const int at = buffer * Geometry::kQueries * kPitch<D>;
  const auto start = [&](const void* tensor, const Strides& strides) {
    return static_cast<const T*>(tensor) + batch * strides.batch + cursor.head * strides.head +
           cursor.query * strides.token;
  };
  load_tile<D, Geometry::kQueries, Geometry::kThreads>(
      tiles.queries + at, start(args.q, args.q_strides), args.q_strides.token, rows_left,
      args.shape.head_dim);
  load_tile<D, Geometry::kQueries, Geometry::kThreads>(
      tiles.d_outputs + at, start(args.d_o, args.o_strides), args.o_strides.token, rows_left,
      args.shape.head_dim);
  simt::copy_async_commit();
}

// What this thread brings of a tile's row facts: threads 0..63 lse (log2; infinity past the end, so
// that p is 0), threads 64..127 delta.
WINDTUNNEL_DEVICE float row_fact(const AttentionBackward& args, const BackwardScratch& scratch,
                                 const QueryCursor& cursor) {
  const int thread = simt::thread();
  const bool there = cursor.query + thread % 64 < args.shape.q_len;
  const std::int64_t at = (simt::block_z() * args.shape.heads + cursor.head) * args.shape.q_len +
                          cursor.query + thread % 64;
  if (thread < 64) return there ? args.lse[at] * kLog2E : plus_infinity();
  return thread < 128 && there ? scratch.delta[at] : 0.0F;
}

template <class T, int D>
WINDTUNNEL_DEVICE void keep_row_fact(const BackwardTiles<T, D>& tiles, int buffer, float fact) {
  const int thread = simt::thread();
  if (thread < 64) tiles.lse_log2[buffer * 64 + thread] = fact;
  if (thread >= 64 && thread < 128) tiles.delta[buffer * 64 + thread - 64] = fact;
}

template <class T, int D>
WINDTUNNEL_DEVICE void finish_keys(const AttentionBackward& args, const BackwardTiles<T, D>& tiles,
                                   float scale, const float (&dk)[D / 8][4],
                                   const float (&dv)[D / 8][4]) {
  using Geometry = BackwardGeometry<D>;
  const std::int64_t batch = simt::block_z(), kv_head = simt::block_y();
  const int own = simt::thread() / kWarp * 16;
  const std::int64_t key = static_cast<std::int64_t>(simt::block_x()) * Geometry::kKeys + own;
  const float scales[2] = {scale, scale}, one[2] = {1.0F, 1.0F};
  simt::block_sync();  // dQ of other warps still read the keys
  T* const own_keys = tiles.keys + own * kPitch<D>;
  T* const own_values = tiles.values + own * kPitch<D>;
  stage(own_keys, kPitch<D>, dk, scales);
  stage(own_values, kPitch<D>, dv, one);
  simt::warp_sync();
  const auto start = [&](void* tensor, const Strides& strides) {
    return static_cast<T*>(tensor) + batch * strides.batch + kv_head * strides.head +
           key * strides.token;
  };
  const std::int64_t rows_left = args.shape.kv_len - key;
  store_rows<D, 16>(own_keys, start(args.dk, args.k_strides), args.k_strides.token, rows_left,
                    args.shape.head_dim);
  store_rows<D, 16>(own_values, start(args.dv, args.v_strides), args.v_strides.token, rows_left,
                    args.shape.head_dim);
}

template <class T, int D>
WINDTUNNEL_DEVICE void load_keys(const AttentionBackward& args, T* tile, const void* tensor,
                                 const Strides& strides) {
  using Geometry = BackwardGeometry<D>;
  const std::int64_t key = static_cast<std::int64_t>(simt::block_x()) * Geometry::kKeys;
  load_tile<D, Geometry::kKeys, Geometry::kThreads>(
      tile,
      static_cast<const T*>(tensor) + simt::block_z() * strides.batch +
          simt::block_y() * strides.head + key * strides.token,
      strides.token, args.shape.kv_len - key, args.shape.head_dim);
}

// Grid: key tiles x kv heads x batches.
template <class T, int D>
WINDTUNNEL_DEVICE void attention_backward_body(const AttentionBackward& args,
                                               const BackwardScratch& scratch, float scale,
                                               T* shared) {
  using Geometry = BackwardGeometry<D>;
  const AttentionShape& shape = args.shape;
  const BackwardTiles<T, D> tiles(shared);
  const int group = static_cast<int>(shape.heads / shape.kv_heads);
  const int key = simt::block_x() * Geometry::kKeys, own = simt::thread() / kWarp * 16;
  const int offset = static_cast<int>(shape.kv_len - shape.q_len);
  const int keys_left = static_cast<int>(shape.kv_len) - key - own;
  const bool causal = shape.mask == models::AttentionMask::causal;
  const QueryOrder order{causal && key > offset ? (key - offset) / 64 * 64 : 0,
                         static_cast<int>(shape.q_len)};
  const int end_head = (simt::block_y() + 1) * group;
  QueryCursor now{simt::block_y() * group, order.first_query};

  load_keys<T, D>(args, tiles.keys, args.k, args.k_strides);
  load_keys<T, D>(args, tiles.values, args.v, args.v_strides);
  load_queries(args, tiles, now, 0);
  float next_fact = row_fact(args, scratch, now);
  float dk[D / 8][4], dv[D / 8][4];
  clear(dk);
  clear(dv);
  for (int buffer = 0; now.head < end_head; buffer = 1 - buffer) {
    keep_row_fact(tiles, buffer, next_fact);
    simt::copy_async_wait(0);
    simt::block_sync();
    const QueryCursor next = order.after(now);
    if (next.head < end_head) {
      load_queries(args, tiles, next, 1 - buffer);
      next_fact = row_fact(args, scratch, next);
    }
    const T* queries = tiles.queries + buffer * Geometry::kQueries * kPitch<D>;
    const T* d_outputs = tiles.d_outputs + buffer * Geometry::kQueries * kPitch<D>;
    float p[8][4], ds[8][4];
    multiply_transposed<T, D>(tiles.keys + own * kPitch<D>, queries, p);
    probabilities(p, tiles.lse_log2 + buffer * 64, scale * kLog2E, keys_left,
                  causal ? key + own - now.query - offset : -kNoDiagonal);
    add_product<T, D>(p, d_outputs, dv);
    multiply_transposed<T, D>(tiles.values + own * kPitch<D>, d_outputs, ds);
    score_gradients<T, D>(p, tiles.delta + buffer * 64, ds,
                          tiles.scores + own * Geometry::kScorePitch);
    simt::block_sync();
    add_product<T, D>(ds, queries, dk);
    add_query_gradients<T, D>(
        tiles,
        scratch.dq_sums +
            ((simt::block_z() * shape.heads + now.head) * shape.q_len + now.query) * shape.head_dim,
        static_cast<int>(shape.q_len) - now.query, static_cast<int>(shape.head_dim));
    now = next;
  }
  finish_keys<T, D>(args, tiles, scale, dk, dv);
}

// delta = sum over dims of dO * O, a warp a row. Grid: blocks of warps, grid-stride.
template <class T>
WINDTUNNEL_DEVICE void attention_delta_body(const AttentionBackward& args, float* delta) {
  const AttentionShape& shape = args.shape;
  const std::int64_t rows = shape.batch * shape.heads * shape.q_len;
  const int lane = simt::thread() % kWarp, warps = simt::threads() / kWarp;
  for (std::int64_t row =
           static_cast<std::int64_t>(simt::block_x()) * warps + simt::thread() / kWarp;
       row < rows; row += static_cast<std::int64_t>(simt::blocks_x()) * warps) {
    const std::int64_t token = row % shape.q_len, head = row / shape.q_len % shape.heads;
    const std::int64_t batch = row / shape.q_len / shape.heads;
    const std::int64_t at = batch * args.o_strides.batch + head * args.o_strides.head +
                            token * args.o_strides.token + lane * kPack;
    float o[kPack], d_o[kPack], total = 0.0F;
    load_whole(static_cast<const T*>(args.o) + at, shape.head_dim - lane * kPack, o);
    load_whole(static_cast<const T*>(args.d_o) + at, shape.head_dim - lane * kPack, d_o);
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) total += o[e] * d_o[e];
    total = reduce_warp<SumOf>(total);
    if (lane == 0) delta[row] = total;
  }
}

// dq = scale * dq_sums, out of [batch][heads][q_len][head_dim] into dq's own layout.
template <class T>
WINDTUNNEL_DEVICE void attention_dq_body(const AttentionBackward& args, const float* dq_sums,
                                         float scale) {
  const AttentionShape& shape = args.shape;
  const std::int64_t packs = shape.head_dim / kPack;
  const std::int64_t count = shape.batch * shape.heads * shape.q_len * shape.head_dim;
  for_packs(count, [&](std::int64_t pack, std::int64_t at, std::int64_t left) {
    const std::int64_t row = pack / packs;
    const std::int64_t token = row % shape.q_len, head = row / shape.q_len % shape.heads;
    const std::int64_t batch = row / shape.q_len / shape.heads;
    float dq[kPack];
    load_whole(dq_sums + at, left, dq);
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) dq[e] *= scale;
    store_whole(static_cast<T*>(args.dq) + batch * args.q_strides.batch +
                    head * args.q_strides.head + token * args.q_strides.token +
                    pack % packs * kPack,
                left, dq);
  });
}

}  // namespace windtunnel::real

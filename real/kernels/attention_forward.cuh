// Body of fused attention, forward: FlashAttention-2, algorithm 1 (Dao 2023, arXiv 2307.08691).
//
// A block takes 128 queries of one head, each of its four warps 32 of them, and walks over the keys
// in tiles of 64, with the running row maximum m and sum l; o is rescaled when m grows. Scores are
// kept raw and the exponential is base 2: p = 2^(scale log2(e) (s - m)).
// One buffer each for K and V: K(j+1) arrives while P V(j) is computed, V(j) while Q K(j)^T is; two
// barriers a tile, each of which also frees the buffer that is loaded next.
#pragma once

#include "real/kernels/attention_tiles.cuh"

namespace windtunnel::real {

template <int D>
struct ForwardGeometry {
  static constexpr int kQueries = 128, kKeys = 64, kThreads = 128, kWarpQueries = 32;
  static constexpr int kSharedBytes = (kQueries + 2 * kKeys) * kPitch<D> * 2;
};

// One warp's 32 queries: two blocks of 16 rows.
template <int D>
struct ForwardState {
  float o[2][D / 8][4];
  float greatest[2][2];  // of a lane's rows `group` and `group + 8` of each block
  float total[2][2];     // of this lane's columns alone until the end
};

template <class T, int D>
WINDTUNNEL_DEVICE void multiply_scores(const T* queries, const T* keys, float (&s)[2][8][4]) {
  clear(s[0]);
  clear(s[1]);
  WINDTUNNEL_UNROLL
  for (int k = 0; k < D; k += 16) {
    std::uint32_t a[2][4], b[4];
    load_a(a[0], queries + k, kPitch<D>);
    load_a(a[1], queries + 16 * kPitch<D> + k, kPitch<D>);
    WINDTUNNEL_UNROLL
    for (int n = 0; n < 4; ++n) {
      load_b(b, keys + 16 * n * kPitch<D> + k, kPitch<D>);
      WINDTUNNEL_UNROLL
      for (int m = 0; m < 2; ++m) {
        simt::multiply_add(T{}, s[m][2 * n], a[m], b[0], b[1]);
        simt::multiply_add(T{}, s[m][2 * n + 1], a[m], b[2], b[3]);
      }
    }
  }
}

// Keys at or past `keys_end`, and past first_seen + row of the warp where causal, score minus
// infinity. All relative to the tile's first key.
struct MaskEdge {
  std::int64_t keys_left;  // keys of the tile that exist
  std::int64_t diagonal;   // the last key that the warp's first query sees; large: no causal mask
};
WINDTUNNEL_DEVICE void mask_scores(const MaskEdge& edge, float (&s)[2][8][4]) {
  const int lane = simt::thread() % kWarp;
  const int keys_left = static_cast<int>(edge.keys_left < 64 ? edge.keys_left : 64);
  const int diagonal = static_cast<int>(edge.diagonal < 64 ? edge.diagonal : 64);
  WINDTUNNEL_UNROLL
  for (int m = 0; m < 2; ++m) {
    WINDTUNNEL_UNROLL
    for (int n = 0; n < 8; ++n) {
      WINDTUNNEL_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int key = n * 8 + lane % 4 * 2 + i % 2;
        const int last = diagonal + m * 16 + lane / 4 + i / 2 * 8;
        if (key >= keys_left || key > last) s[m][n][i] = minus_infinity();
      }
    }
  }
}

// Scores in, probabilities (not yet divided by their sum) out; o, maximum and sum brought up to date.
template <int D>
WINDTUNNEL_DEVICE void update_softmax(ForwardState<D>& state, float (&s)[2][8][4],
                                      float scale_log2) {
  WINDTUNNEL_UNROLL
  for (int m = 0; m < 2; ++m) {
    WINDTUNNEL_UNROLL
    for (int half = 0; half < 2; ++half) {
      const float before = state.greatest[m][half];
      float greatest = before;
      WINDTUNNEL_UNROLL
      for (int n = 0; n < 8; ++n) {
        greatest = simt::greater(greatest, simt::greater(s[m][n][2 * half], s[m][n][2 * half + 1]));
      }
      greatest = simt::greater(greatest, simt::shuffle_xor(greatest, 1));
      greatest = simt::greater(greatest, simt::shuffle_xor(greatest, 2));
      const float shrink = simt::exp2((before - greatest) * scale_log2);
      const float shift = greatest * scale_log2;
      float total = state.total[m][half] * shrink;
      WINDTUNNEL_UNROLL
      for (int n = 0; n < 8; ++n) {
        WINDTUNNEL_UNROLL
        for (int i = 2 * half; i < 2 * half + 2; ++i) {
          s[m][n][i] = simt::exp2(s[m][n][i] * scale_log2 - shift);
          total += s[m][n][i];
        }
      }
      WINDTUNNEL_UNROLL
      for (int n = 0; n < D / 8; ++n) {
        state.o[m][n][2 * half] *= shrink;
        state.o[m][n][2 * half + 1] *= shrink;
      }
      state.greatest[m][half] = greatest;
      state.total[m][half] = total;
    }
  }
}

// P rounded, as A operands of the product with V.
template <class T>
WINDTUNNEL_DEVICE void round_probabilities(const float (&s)[2][8][4], std::uint32_t (&p)[2][4][4]) {
  WINDTUNNEL_UNROLL
  for (int m = 0; m < 2; ++m) {
    WINDTUNNEL_UNROLL
    for (int k = 0; k < 4; ++k) as_a<T>(p[m][k], s[m][2 * k], s[m][2 * k + 1]);
  }
}

template <class T, int D>
WINDTUNNEL_DEVICE void add_values(ForwardState<D>& state, const std::uint32_t (&p)[2][4][4],
                                  const T* values) {
  WINDTUNNEL_UNROLL
  for (int k = 0; k < 4; ++k) {
    std::uint32_t b[4];
    WINDTUNNEL_UNROLL
    for (int n = 0; n < D / 16; ++n) {
      load_b_transposed(b, values + 16 * k * kPitch<D> + 16 * n, kPitch<D>);
      WINDTUNNEL_UNROLL
      for (int m = 0; m < 2; ++m) {
        simt::multiply_add(T{}, state.o[m][2 * n], p[m][k], b[0], b[1]);
        simt::multiply_add(T{}, state.o[m][2 * n + 1], p[m][k], b[2], b[3]);
      }
    }
  }
}

// o / l to global memory through the warp's own rows of the query tile; lse = scale m + ln l.
template <class T, int D>
WINDTUNNEL_DEVICE void finish_forward(const AttentionForward& args, float scale,
                                      ForwardState<D>& state, T* staging, std::int64_t query) {
  const std::int64_t head = simt::block_y(), batch = simt::block_z();
  const int lane = simt::thread() % kWarp;
  const std::int64_t rows_left = args.shape.q_len - query;
  WINDTUNNEL_UNROLL
  for (int m = 0; m < 2; ++m) {
    float inverse[2];
    WINDTUNNEL_UNROLL
    for (int half = 0; half < 2; ++half) {
      float total = state.total[m][half];
      total += simt::shuffle_xor(total, 1);
      total += simt::shuffle_xor(total, 2);
      inverse[half] = 1.0F / total;
      const int row = m * 16 + half * 8 + lane / 4;
      if (args.lse != nullptr && lane % 4 == 0 && row < rows_left) {
        args.lse[(batch * args.shape.heads + head) * args.shape.q_len + query + row] =
            state.greatest[m][half] * scale + simt::log2(total) * kLn2;
      }
    }
    stage(staging + m * 16 * kPitch<D>, kPitch<D>, state.o[m], inverse);
  }
  simt::warp_sync();
  T* o = static_cast<T*>(args.o) + batch * args.o_strides.batch + head * args.o_strides.head +
         query * args.o_strides.token;
  store_rows<D, 32>(staging, o, args.o_strides.token, rows_left, args.shape.head_dim);
}

// Grid: query tiles x heads x batches. The longest rows of a causal mask come first.
template <class T, int D>
WINDTUNNEL_DEVICE void attention_forward_body(const AttentionForward& args, float scale,
                                              T* shared) {
  using Geometry = ForwardGeometry<D>;
  constexpr int kQueries = Geometry::kQueries, kKeys = Geometry::kKeys;
  const std::int64_t head = simt::block_y(), batch = simt::block_z();
  const std::int64_t kv_head = head / (args.shape.heads / args.shape.kv_heads);
  const std::int64_t first =
      static_cast<std::int64_t>(simt::blocks_x() - 1 - simt::block_x()) * kQueries;
  const std::int64_t warp_first = first + simt::thread() / kWarp * Geometry::kWarpQueries;
  const bool causal = args.shape.mask == models::AttentionMask::causal;
  const std::int64_t offset = args.shape.kv_len - args.shape.q_len;
  const std::int64_t reach = first + kQueries + offset;
  const std::int64_t keys_end = causal && reach < args.shape.kv_len ? reach : args.shape.kv_len;
  const T* q = static_cast<const T*>(args.q) + batch * args.q_strides.batch +
               head * args.q_strides.head + first * args.q_strides.token;
  const T* k =
      static_cast<const T*>(args.k) + batch * args.k_strides.batch + kv_head * args.k_strides.head;
  const T* v =
      static_cast<const T*>(args.v) + batch * args.v_strides.batch + kv_head * args.v_strides.head;
  T* const queries = shared;
  T* const keys = queries + kQueries * kPitch<D>;
  T* const values = keys + kKeys * kPitch<D>;
  T* const own_queries = queries + simt::thread() / kWarp * Geometry::kWarpQueries * kPitch<D>;

  ForwardState<D> state;
  WINDTUNNEL_UNROLL
  for (int m = 0; m < 2; ++m) {
    clear(state.o[m]);
    WINDTUNNEL_UNROLL
    for (int half = 0; half < 2; ++half) {
      state.greatest[m][half] = minus_infinity();
      state.total[m][half] = 0.0F;
    }
  }
  load_tile<D, kQueries, Geometry::kThreads>(queries, q, args.q_strides.token,
                                             args.shape.q_len - first, args.shape.head_dim);
  load_tile<D, kKeys, Geometry::kThreads>(keys, k, args.k_strides.token, args.shape.kv_len,
                                          args.shape.head_dim);
  simt::copy_async_commit();
  for (std::int64_t key = 0; key < keys_end; key += kKeys) {
    simt::copy_async_wait(0);
    simt::block_sync();
    load_tile<D, kKeys, Geometry::kThreads>(values, v + key * args.v_strides.token,
                                            args.v_strides.token, args.shape.kv_len - key,
                                            args.shape.head_dim);
    simt::copy_async_commit();
    // Relative to this tile's first key: what the warp's first query sees last.
    const std::int64_t diagonal = causal ? warp_first + offset - key : kKeys;
    const bool seen = diagonal + Geometry::kWarpQueries > 0;
    std::uint32_t p[2][4][4];
    if (seen) {
      float s[2][8][4];
      multiply_scores<T, D>(own_queries, keys, s);
      if (diagonal < kKeys - 1 || args.shape.kv_len - key < kKeys) {
        mask_scores({args.shape.kv_len - key, diagonal}, s);
      }
      update_softmax(state, s, scale * kLog2E);
      round_probabilities<T>(s, p);
    }
    simt::copy_async_wait(0);
    simt::block_sync();
    if (key + kKeys < keys_end) {
      load_tile<D, kKeys, Geometry::kThreads>(keys, k + (key + kKeys) * args.k_strides.token,
                                              args.k_strides.token, args.shape.kv_len - key - kKeys,
                                              args.shape.head_dim);
    }
    simt::copy_async_commit();
    if (seen) add_values<T, D>(state, p, values);
  }
  finish_forward<T, D>(args, scale, state, own_queries, warp_first);
}

}  // namespace windtunnel::real

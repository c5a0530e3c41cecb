// Bodies of the kernels that treat every element by itself: activations, dropout, sums, casts,
// copies, random data. A grid-stride loop over packs; `pointwise_blocks` x kPointwiseThreads.
#pragma once

#include "real/kernels/kernel_arguments.hpp"
#include "real/kernels/launch_plan.hpp"
#include "real/kernels/random.cuh"

namespace windtunnel::real {

// f(pack index, first element, elements there) for every pack of `count` elements.
template <class F>
WINDTUNNEL_DEVICE void for_packs(std::int64_t count, F f) {
  const std::int64_t packs = ceil_div(count, kPack);
  const std::int64_t step = static_cast<std::int64_t>(simt::blocks_x()) * simt::threads();
  for (std::int64_t pack =
           static_cast<std::int64_t>(simt::block_x()) * simt::threads() + simt::thread();
       pack < packs; pack += step) {
    f(pack, pack * kPack, count - pack * kPack);
  }
}

// gelu(x) = x / 2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) (Hendrycks and Gimpel 2016).
inline constexpr float kGeluRoot = 0.7978845608028654F;
inline constexpr float kGeluCubic = 0.044715F;
WINDTUNNEL_DEVICE float gelu_of(float x) {
  const float inner = kGeluRoot * (x + kGeluCubic * x * x * x);
  return 0.5F * x * (1.0F + hyperbolic_tangent(inner));
}
WINDTUNNEL_DEVICE float gelu_slope(float x) {
  const float t = hyperbolic_tangent(kGeluRoot * (x + kGeluCubic * x * x * x));
  const float slope = kGeluRoot * (1.0F + 3.0F * kGeluCubic * x * x);
  return 0.5F * (1.0F + t) + 0.5F * x * (1.0F - t * t) * slope;
}

template <class T>
WINDTUNNEL_DEVICE void gelu_body(const Gelu& args) {
  for_packs(args.count, [&](std::int64_t, std::int64_t at, std::int64_t left) {
    float x[kPack];
    load_pack(static_cast<const T*>(args.x) + at, left, x);
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) x[e] = gelu_of(x[e]);
    store_pack(static_cast<T*>(args.y) + at, left, x);
  });
}
template <class T>
WINDTUNNEL_DEVICE void gelu_backward_body(const GeluBackward& args) {
  for_packs(args.count, [&](std::int64_t, std::int64_t at, std::int64_t left) {
    float x[kPack], dy[kPack];
    load_pack(static_cast<const T*>(args.x) + at, left, x);
    load_pack(static_cast<const T*>(args.dy) + at, left, dy);
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) dy[e] *= gelu_slope(x[e]);
    store_pack(static_cast<T*>(args.dx) + at, left, dy);
  });
}

// Rows of blocks, packs of threads: no division inside.
template <class F>
WINDTUNNEL_DEVICE void for_row_packs(std::int64_t rows, std::int64_t columns, F f) {
  for (std::int64_t row = simt::block_x(); row < rows; row += simt::blocks_x()) {
    for (std::int64_t column = static_cast<std::int64_t>(simt::thread()) * kPack; column < columns;
         column += static_cast<std::int64_t>(simt::threads()) * kPack) {
      f(row, column, columns - column);
    }
  }
}

template <class T>
WINDTUNNEL_DEVICE void swiglu_body(const SwiGlu& args) {
  for_row_packs(args.rows, args.columns, [&](std::int64_t row, std::int64_t at, std::int64_t left) {
    const T* x = static_cast<const T*>(args.x) + row * 2 * args.columns + at;
    float gate[kPack], up[kPack];
    load_whole(x, left, gate);
    load_whole(x + args.columns, left, up);
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) up[e] *= gate[e] * logistic(gate[e]);
    store_whole(static_cast<T*>(args.y) + row * args.columns + at, left, up);
  });
}
// d silu(g) = s (1 + g (1 - s)), s = logistic(g).
template <class T>
WINDTUNNEL_DEVICE void swiglu_backward_body(const SwiGluBackward& args) {
  for_row_packs(args.rows, args.columns, [&](std::int64_t row, std::int64_t at, std::int64_t left) {
    const T* x = static_cast<const T*>(args.x) + row * 2 * args.columns + at;
    T* dx = static_cast<T*>(args.dx) + row * 2 * args.columns + at;
    float gate[kPack], up[kPack], dy[kPack];
    load_whole(x, left, gate);
    load_whole(x + args.columns, left, up);
    load_whole(static_cast<const T*>(args.dy) + row * args.columns + at, left, dy);
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) {
      const float s = logistic(gate[e]);
      up[e] *= dy[e] * s * (1.0F + gate[e] * (1.0F - s));
      dy[e] *= gate[e] * s;
    }
    store_whole(dx, left, up);
    store_whole(dx + args.columns, left, dy);
  });
}

template <class T>
WINDTUNNEL_DEVICE void residual_dropout_body(const ResidualDropout& args) {
  const DropoutMask mask = dropout_mask(args.seed, args.probability);
  for_packs(args.count, [&](std::int64_t pack, std::int64_t at, std::int64_t left) {
    float x[kPack], residual[kPack];
    load_pack(static_cast<const T*>(args.x) + at, left, x);
    load_pack(static_cast<const T*>(args.residual) + at, left, residual);
    apply_dropout(mask, pack, x);
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) x[e] += residual[e];
    store_pack(static_cast<T*>(args.y) + at, left, x);
  });
}
template <class T>
WINDTUNNEL_DEVICE void dropout_backward_body(const DropoutBackward& args) {
  const DropoutMask mask = dropout_mask(args.seed, args.probability);
  for_packs(args.count, [&](std::int64_t pack, std::int64_t at, std::int64_t left) {
    float dy[kPack];
    load_pack(static_cast<const T*>(args.dy) + at, left, dy);
    apply_dropout(mask, pack, dy);
    store_pack(static_cast<T*>(args.dx) + at, left, dy);
  });
}
template <class T>
WINDTUNNEL_DEVICE void add_body(const Add& args) {
  for_packs(args.count, [&](std::int64_t, std::int64_t at, std::int64_t left) {
    float a[kPack], b[kPack];
    load_pack(static_cast<const T*>(args.a) + at, left, a);
    load_pack(static_cast<const T*>(args.b) + at, left, b);
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) a[e] += b[e];
    store_pack(static_cast<T*>(args.y) + at, left, a);
  });
}
template <class From, class To>
WINDTUNNEL_DEVICE void cast_body(const Cast& args) {
  for_packs(args.count, [&](std::int64_t, std::int64_t at, std::int64_t left) {
    float x[kPack];
    load_pack(static_cast<const From*>(args.in) + at, left, x);
    store_pack(static_cast<To*>(args.out) + at, left, x);
  });
}

// 16 bytes a thread and turn; the last bytes of an odd size one by one.
WINDTUNNEL_DEVICE void copy_body(const CopyBytes& args) {
  const auto* in = static_cast<const unsigned char*>(args.in);
  auto* out = static_cast<unsigned char*>(args.out);
  constexpr std::int64_t kWord = sizeof(Words);
  const std::int64_t whole = is_aligned(in) && is_aligned(out) ? args.bytes / kWord : 0;
  const std::int64_t first =
      static_cast<std::int64_t>(simt::block_x()) * simt::threads() + simt::thread();
  const std::int64_t step = static_cast<std::int64_t>(simt::blocks_x()) * simt::threads();
  for (std::int64_t word = first; word < whole; word += step) {
    simt::store_words(out + word * kWord, simt::load_words(in + word * kWord));
  }
  for (std::int64_t byte = whole * kWord + first; byte < args.bytes; byte += step) {
    out[byte] = in[byte];
  }
}

template <class T>
WINDTUNNEL_DEVICE void fill_random_body(const RandomFill& args) {
  for_packs(args.count, [&](std::int64_t pack, std::int64_t at, std::int64_t left) {
    const auto counter = 2 * static_cast<std::uint64_t>(pack);
    const Words low = philox(args.seed, counter), high = philox(args.seed, counter + 1);
    float x[kPack];
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack / 2; ++e) {
      x[e] = uniform_in(low.w[e], args.low, args.high);
      x[e + 4] = uniform_in(high.w[e], args.low, args.high);
    }
    store_pack(static_cast<T*>(args.out) + at, left, x);
  });
}
WINDTUNNEL_DEVICE void fill_random_bits_body(const RandomBits& args) {
  auto* out = static_cast<unsigned char*>(args.out);
  constexpr std::int64_t kWord = sizeof(Words);
  for_packs(
      ceil_div(args.bytes, kWord) * kPack, [&](std::int64_t word, std::int64_t, std::int64_t) {
        const Words random = philox(args.seed, static_cast<std::uint64_t>(word));
        for (int byte = 0; byte < kWord && word * kWord + byte < args.bytes; ++byte) {
          const std::uint32_t bits = random.w[byte / 4] >> (8U * static_cast<unsigned>(byte % 4));
          out[word * kWord + byte] = static_cast<unsigned char>(bits & args.mask);
        }
      });
}
WINDTUNNEL_DEVICE void fill_random_tokens_body(const RandomTokens& args) {
  for_packs(args.count * kPack, [&](std::int64_t index, std::int64_t, std::int64_t) {
    const Words random = philox(args.seed, static_cast<std::uint64_t>(index));
    args.out[index] = static_cast<std::int32_t>(
        simt::high_product(random.w[0], static_cast<std::uint32_t>(args.limit)));
  });
}

}  // namespace windtunnel::real

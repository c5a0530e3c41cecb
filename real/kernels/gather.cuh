// Bodies of embedding (gather and scatter-add), rotary embedding, the Adam step and a plain sum.
#pragma once

#include "real/kernels/pointwise.cuh"
#include "real/kernels/rows.cuh"

namespace windtunnel::real {

WINDTUNNEL_DEVICE std::int64_t table_row(std::int32_t token, std::int64_t vocabulary) {
  return token >= 0 && token < vocabulary ? token : 0;
}

template <class T>
WINDTUNNEL_DEVICE void embedding_body(const Embedding& args) {
  for_row_packs(args.rows, args.columns, [&](std::int64_t row, std::int64_t at, std::int64_t left) {
    const std::int64_t token = table_row(args.tokens[row], args.vocabulary);
    float x[kPack];
    load_whole(static_cast<const T*>(args.table) + token * args.columns + at, left, x);
    if (args.positions != nullptr) {
      float position[kPack];
      load_whole(static_cast<const T*>(args.positions) + row % args.sequence * args.columns + at,
                 left, position);
      WINDTUNNEL_UNROLL
      for (int e = 0; e < kPack; ++e) x[e] += position[e];
    }
    store_whole(static_cast<T*>(args.y) + row * args.columns + at, left, x);
  });
}

template <class T>
WINDTUNNEL_DEVICE void embedding_backward_body(const EmbeddingBackward& args) {
  for_row_packs(args.rows, args.columns, [&](std::int64_t row, std::int64_t at, std::int64_t left) {
    const std::int64_t token = table_row(args.tokens[row], args.vocabulary);
    float dy[kPack];
    load_whole(static_cast<const T*>(args.dy) + row * args.columns + at, left, dy);
    float* entry = args.dtable + token * args.columns + at;
    float* position = args.dpositions == nullptr
                          ? nullptr
                          : args.dpositions + row % args.sequence * args.columns + at;
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) {
      simt::atomic_add(entry + e, dy[e]);
      if (position != nullptr) simt::atomic_add(position + e, dy[e]);
    }
  });
}

// A pack of the first half of a head with its partners in the second: head_dim / 2 is a multiple of
// kPack.
template <class T>
WINDTUNNEL_DEVICE void rotary_body(const Rotary& args) {
  const std::int64_t half = args.head_dim / 2;
  const float turn = args.rotation == Rotation::forward ? 1.0F : -1.0F;
  const float log_base = simt::log2(args.base);
  const std::int64_t stride = args.stride > 0 ? args.stride : args.heads * args.head_dim;
  for_row_packs(args.rows, args.heads * half, [&](std::int64_t row, std::int64_t at, std::int64_t) {
    const std::int64_t head = at / half, first = at % half;
    T* x = static_cast<T*>(args.x) + row * stride + head * args.head_dim + first;
    float a[kPack], b[kPack];
    load_whole(x, kPack, a);
    load_whole(x + half, kPack, b);
    const float position = static_cast<float>(row % args.sequence);
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) {
      const float exponent =
          -2.0F * static_cast<float>(first + e) / static_cast<float>(args.head_dim);
      const float angle = position * simt::exp2(exponent * log_base);
      const float c = simt::cosine(angle), s = turn * simt::sine(angle);
      const float turned = a[e] * c - b[e] * s;
      b[e] = a[e] * s + b[e] * c;
      a[e] = turned;
    }
    store_whole(x, kPack, a);
    store_whole(x + half, kPack, b);
  });
}

// Algorithm 2 of Loshchilov and Hutter 2019; `correction1` = 1 / (1 - beta1^step), 2 likewise.
struct AdamCorrections {
  float correction1, correction2;
};
template <class Gradient, class Weight>
WINDTUNNEL_DEVICE void adam_body(const AdamStep& args, const AdamCorrections& corrections) {
  for_packs(args.count, [&](std::int64_t, std::int64_t at, std::int64_t left) {
    float w[kPack], m[kPack], v[kPack], g[kPack];
    load_pack(args.master + at, left, w);
    load_pack(args.moment1 + at, left, m);
    load_pack(args.moment2 + at, left, v);
    load_pack(static_cast<const Gradient*>(args.gradient) + at, left, g);
    WINDTUNNEL_UNROLL
    for (int e = 0; e < kPack; ++e) {
      const float gradient = g[e] * args.gradient_scale;
      m[e] = args.beta1 * m[e] + (1.0F - args.beta1) * gradient;
      v[e] = args.beta2 * v[e] + (1.0F - args.beta2) * gradient * gradient;
      const float root = simt::root(v[e] * corrections.correction2) + args.epsilon;
      w[e] -= args.learning_rate *
              (simt::quotient(m[e] * corrections.correction1, root) + args.weight_decay * w[e]);
    }
    store_pack(args.master + at, left, w);
    store_pack(args.moment1 + at, left, m);
    store_pack(args.moment2 + at, left, v);
    if (args.weights != nullptr) store_pack(static_cast<Weight*>(args.weights) + at, left, w);
  });
}

// One block; each thread its own stride, then the block in order.
WINDTUNNEL_DEVICE void sum_body(const Sum& args, float* shared) {
  float total = 0.0F;
  for (std::int64_t i = simt::thread(); i < args.count; i += simt::threads()) total += args.in[i];
  total = reduce<SumOf>({simt::thread(), simt::threads(), 0, shared}, total);
  if (simt::thread() == 0) args.out[0] = total;
}

}  // namespace windtunnel::real

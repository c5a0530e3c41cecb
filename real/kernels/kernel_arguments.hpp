// What the memory-bound kernels take: shapes, pointers, number formats. See kernels.hpp for the calls.
//
// Pointers are device memory, 16-byte aligned (cudaMalloc gives 256; others work where nothing else
// is said, slower); matrices are row-major and packed, [rows][columns]; all tensors of a call are of
// `type` unless said otherwise; arithmetic and reductions are fp32. Inputs and outputs may be the
// same memory only where "in place" is said. Norms, softmax and column_sum take up to kMostColumns
// columns; norms, SwiGLU, embedding, rotary and column_sum want a multiple of 8 columns and aligned
// pointers.
//
// Dropout: every element is kept when 16 bits drawn from (seed, its index) are at or above
// probability * 65536, and then scaled by 1 / (1 - probability); the backward call draws the same
// mask from the same seed.
#pragma once

#include <cstdint>

#include "real/kernels/element.hpp"

namespace windtunnel::real {

inline constexpr std::int64_t kMostColumns = 16384;

// y = (x - mean) * rstd * gamma + beta over the columns of each row; rstd = 1 / sqrt(var + eps).
struct LayerNorm {
  const void *x = nullptr, *gamma = nullptr, *beta = nullptr;
  void* y = nullptr;
  float *mean = nullptr, *rstd = nullptr;  // [rows], for the backward call; may be null
  std::int64_t rows = 0, columns = 0;
  Element type = Element::bf16;
  float epsilon = 1e-5F;
};

struct LayerNormBackward {
  const void *dy = nullptr, *x = nullptr, *gamma = nullptr;
  const float *mean = nullptr, *rstd = nullptr;
  void* dx = nullptr;
  float *dgamma = nullptr, *dbeta = nullptr;  // [columns], overwritten
  float* workspace = nullptr;                 // norm_workspace_bytes(columns)
  std::int64_t rows = 0, columns = 0;
  Element type = Element::bf16;
};

// y = x * rrms * gamma; rrms = 1 / sqrt(mean(x^2) + eps).
struct RmsNorm {
  const void *x = nullptr, *gamma = nullptr;
  void* y = nullptr;
  float* rrms = nullptr;  // [rows]; may be null
  std::int64_t rows = 0, columns = 0;
  Element type = Element::bf16;
  float epsilon = 1e-5F;
};

struct RmsNormBackward {
  const void *dy = nullptr, *x = nullptr, *gamma = nullptr;
  const float* rrms = nullptr;
  void* dx = nullptr;
  float* dgamma = nullptr;     // [columns], overwritten
  float* workspace = nullptr;  // norm_workspace_bytes(columns)
  std::int64_t rows = 0, columns = 0;
  Element type = Element::bf16;
};

// out[c] = sum over rows of x[r][c]: the gradient of a bias.
struct ColumnSum {
  const void* x = nullptr;
  float* out = nullptr;
  float* workspace = nullptr;  // norm_workspace_bytes(columns)
  std::int64_t rows = 0, columns = 0;
  Element type = Element::bf16;
};

// y = dropout(softmax(scale * x)) over the columns. causal_rows q > 0: row r is query r mod q of a
// [.., q, columns] score tensor and sees the first columns - q + (r mod q) + 1 columns; the others
// come out as 0. In place allowed. `p` (before dropout) is what the backward call takes; it may be
// null, and is y itself where probability is 0.
struct Softmax {
  const void* x = nullptr;
  void *y = nullptr, *p = nullptr;
  std::int64_t rows = 0, columns = 0;
  std::int64_t causal_rows = 0;
  float scale = 1.0F;
  float probability = 0.0F;
  std::uint64_t seed = 0;
  Element type = Element::bf16;
};

// dx = scale * p * (g - sum(g * p)), g = dropout mask applied to dy. In place on dy allowed.
struct SoftmaxBackward {
  const void *dy = nullptr, *p = nullptr;
  void* dx = nullptr;
  std::int64_t rows = 0, columns = 0;
  float scale = 1.0F;
  float probability = 0.0F;
  std::uint64_t seed = 0;
  Element type = Element::bf16;
};

// y = gelu(x), the tanh form (as GPT-2 and cuBLASLt's epilogue). In place allowed.
struct Gelu {
  const void* x = nullptr;
  void* y = nullptr;
  std::int64_t count = 0;
  Element type = Element::bf16;
};

struct GeluBackward {
  const void *dy = nullptr, *x = nullptr;
  void* dx = nullptr;  // in place on dy allowed
  std::int64_t count = 0;
  Element type = Element::bf16;
};

// y = silu(gate) * up with x = [rows][gate: columns | up: columns], y = [rows][columns].
struct SwiGlu {
  const void* x = nullptr;
  void* y = nullptr;
  std::int64_t rows = 0, columns = 0;
  Element type = Element::bf16;
};

struct SwiGluBackward {
  const void *dy = nullptr, *x = nullptr;
  void* dx = nullptr;  // as x; in place on x allowed
  std::int64_t rows = 0, columns = 0;
  Element type = Element::bf16;
};

// y = residual + dropout(x). In place on residual or x allowed.
struct ResidualDropout {
  const void *x = nullptr, *residual = nullptr;
  void* y = nullptr;
  std::int64_t count = 0;
  float probability = 0.0F;
  std::uint64_t seed = 0;
  Element type = Element::bf16;
};

// dx = dropout mask applied to dy (the residual's gradient is dy itself). In place allowed.
struct DropoutBackward {
  const void* dy = nullptr;
  void* dx = nullptr;
  std::int64_t count = 0;
  float probability = 0.0F;
  std::uint64_t seed = 0;
  Element type = Element::bf16;
};

// y = a + b. In place allowed.
struct Add {
  const void *a = nullptr, *b = nullptr;
  void* y = nullptr;
  std::int64_t count = 0;
  Element type = Element::bf16;
};

// Rotates the pairs (i, i + head_dim / 2) of every head by position * base^(-2i / head_dim), in
// place; position = row mod sequence. x = [rows][heads][head_dim], its rows `stride` elements apart
// (0: packed). `inverse` turns back: the backward call.
enum class Rotation { forward, inverse };
struct Rotary {
  void* x = nullptr;
  std::int64_t rows = 0, sequence = 0, heads = 0, head_dim = 0;  // head_dim a multiple of 16
  std::int64_t stride = 0;
  float base = 10000.0F;
  Rotation rotation = Rotation::forward;
  Element type = Element::bf16;
};

// y[r] = table[token[r]] (+ positions[r mod sequence] where given). Tokens are in 0 .. vocabulary-1;
// one outside reads row 0.
struct Embedding {
  const std::int32_t* tokens = nullptr;  // [rows]
  const void *table = nullptr, *positions = nullptr;
  void* y = nullptr;
  std::int64_t rows = 0, columns = 0, vocabulary = 0, sequence = 1;
  Element type = Element::bf16;
};

// dtable[token[r]] += dy[r], dpositions[r mod sequence] += dy[r] by fp32 atomics; the caller clears.
struct EmbeddingBackward {
  const std::int32_t* tokens = nullptr;
  const void* dy = nullptr;
  float *dtable = nullptr, *dpositions = nullptr;  // dpositions may be null
  std::int64_t rows = 0, columns = 0, vocabulary = 0, sequence = 1;
  Element type = Element::bf16;
};

// loss[r] = lse[r] - logits[r][target[r]], lse = log(sum(exp(logits[r]))).
struct CrossEntropy {
  const void* logits = nullptr;
  const std::int32_t* targets = nullptr;
  float *loss = nullptr, *lse = nullptr;  // [rows]
  std::int64_t rows = 0, columns = 0;
  Element type = Element::bf16;
};

// dlogits = scale * (exp(logits - lse) - onehot(target)); scale is 1 / rows for the mean loss. In
// place on logits allowed.
struct CrossEntropyBackward {
  const void* logits = nullptr;
  const std::int32_t* targets = nullptr;
  const float* lse = nullptr;
  void* dlogits = nullptr;
  std::int64_t rows = 0, columns = 0;
  float scale = 1.0F;
  Element type = Element::bf16;
};

// out[0] = sum of in[0 .. count-1], in a fixed order.
struct Sum {
  const float* in = nullptr;
  float* out = nullptr;
  std::int64_t count = 0;
};

// AdamW (Loshchilov and Hutter 2019): moments and master weights in fp32, the gradient of
// `gradient_type`; writes the weights of `type` too where `weights` is given.
struct AdamStep {
  float *master = nullptr, *moment1 = nullptr, *moment2 = nullptr;
  const void* gradient = nullptr;
  void* weights = nullptr;
  std::int64_t count = 0;
  Element gradient_type = Element::fp32, type = Element::bf16;
  float learning_rate = 1e-4F, beta1 = 0.9F, beta2 = 0.95F, epsilon = 1e-8F, weight_decay = 0.1F;
  float gradient_scale = 1.0F;  // the gradient is multiplied by it first
  std::int64_t step = 1;        // from 1: the bias corrections
};

// Bytes from `in` to `out` by a kernel (not by the copy engine).
struct CopyBytes {
  const void* in = nullptr;
  void* out = nullptr;
  std::int64_t bytes = 0;
};

struct Cast {
  const void* in = nullptr;
  void* out = nullptr;
  Element from = Element::fp32, to = Element::bf16;
  std::int64_t count = 0;
};

// Element i = a value uniform in [low, high) that depends on (seed, i) alone.
struct RandomFill {
  void* out = nullptr;
  std::int64_t count = 0;
  Element type = Element::bf16;
  float low = -1.0F, high = 1.0F;
  std::uint64_t seed = 1;
};
// `bytes` bytes of random bits (fp8 and int8 operands: see RandomBits::mask).
struct RandomBits {
  void* out = nullptr;
  std::int64_t bytes = 0;
  std::uint64_t seed = 1;
  std::uint8_t mask = 0xff;  // anded on every byte; 0xbf keeps E4M3 below 2 and free of NaN
};
// int32 uniform in 0 .. limit-1: tokens.
struct RandomTokens {
  std::int32_t* out = nullptr;
  std::int64_t count = 0, limit = 1;
  std::uint64_t seed = 1;
};

}  // namespace windtunnel::real

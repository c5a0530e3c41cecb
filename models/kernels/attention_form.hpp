// How long one attention kernel takes, from its shape: physical forms with a few parameters that a
// fit gives to a (GPU, software stack, number formats).
//
// Context (prefill, flash-like, one thread block a query tile of M = 128 rows of one head; b
// sequences, H heads, G key/value heads, q new tokens against k keys, head size D, S SMs, memory
// bandwidth W):
//   t = t0 + norm_p(longest, total / S) + c_q B_q / W + c_k B_k / W
//   pair    = 2 (D + Dv) S / (e P) + x / X: SM-seconds a (query, key) pair; P tensor peak of the
//             format, X = 16 exponentials a clock and SM at 1.7 GHz (the MUFU rate of every
//             generation since Volta), x their share that the products do not hide
//   total   = b H (pairs pair + tiles c_tile), pairs those under mask and window and a waste w of
//             half a 128 x 128 block on each edge of the mask
//   longest = the work of the tile that sees most keys (triangle: the last), which bounds the time
//             when there are few tiles; up to `prefix_splits` idle SMs share it where a cached
//             prefix is read (1: FlashInfer's prefill; more: FlashAttention-2's)
//   B_q     = bytes of Q and O, B_k bytes of K and V (new ones at 16 bits, cached ones as stored)
// D is padded to the size the kernels are built for (80 -> 96, 108 -> 128).
// Decode (one or a few new tokens; memory-bound; keys split over thread blocks, GQA packed):
//   t = t0 + t_split s + norm_p(B_kv / (e_b W), blocks u / S) + b G c / S + c_q B_q / W
//   blocks  = b G ceil(k / 128), u the time of a 128-key block on an SM: the larger of a latency and
//             of its products over the packed rows (a multiple of 16: MLA with 128 heads is
//             compute-bound here); above `packed_heads` a kv head, each head streams its keys by
//             itself, out of the L2
//   s       = min(1, log2(k / 128) / 3), the share of the split and its reduction
//   B_kv    = all keys and values of the window once; MLA (value_dim < head_dim, one kv head) stores
//             one vector of head_dim for both
// Backward: 2.5 times the products of the forward (arXiv 2307.08691, section 3.1) at `kBackwardRate`
// of its rate; no public table measures it, so this is a model on published figures.
// Contract: times are positive, rise with batch, heads, q and k, never rise when a window is put on,
// and allocate nothing. Counts and lengths are at least 1.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "models/kernels/kernel_query.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

// What the forms ask of a GPU, SI units.
struct AttentionDevice {
  double multiprocessors = 1;
  double tensor_rate = 1;       // FLOP/s of `format`
  double exponential_rate = 1;  // per SM
  double bandwidth = 1;
  double l2 = 0;
};
AttentionDevice attention_device(const sim::Gpu& gpu, NumberFormat format);

struct ContextParameters {
  double launch = 10e-6;           // t0, s
  double tensor_efficiency = 0.7;  // e
  double softmax_exposed = 0.4;    // x
  double tile_overhead = 1e-6;     // c_tile, s
  double sharpness = 2.0;          // p
  double tile_waste = 1.0;         // w
  double query_passes = 1.5;       // c_q
  double key_passes = 1.5;         // c_k
  double prefix_splits = 1.0;      // SMs that may share the keys of one tile
};

struct DecodeParameters {
  double launch = 9e-6;               // t0, s
  double split = 5e-6;                // t_split, s
  double bandwidth_efficiency = 0.9;  // e_b
  double block_latency = 0.5e-6;      // least u, s
  double tensor_efficiency = 0.4;
  double sharpness = 2.0;           // p
  double sequence_overhead = 1e-6;  // c, s
  double query_passes = 1.0;        // c_q
  double packed_heads = 1024;       // most query heads a kv head that share one pass over its keys
  double unpacked_block = 1.3e-6;   // u where there are more, s
  double latent_efficiency = 0.68;  // tensor efficiency of MLA's kernels: FlashMLA on H800 and H20
};

// A parameter's name, unit, where a fit starts and how far it may go.
template <class Parameters>
struct ParameterRange {
  std::string_view name, unit;
  double Parameters::*member;
  double least, most;
};
std::span<const ParameterRange<ContextParameters>> context_parameter_ranges();
std::span<const ParameterRange<DecodeParameters>> decode_parameter_ranges();

inline constexpr double kBackwardFlops = 2.5;
// Rate of the backward over the forward's: FlashAttention-2 on A100 187 / 224
// TFLOP/s, FlashAttention-3 on H100 561 / 648 (head size 128, 16k tokens; arXiv
// 2307.08691 figure 6, 2407.08608 figures 5, 6: read off, so two digits).
inline constexpr double kBackwardRate = 0.85;

double context_time(const AttentionQuery& query, const ContextParameters& parameters,
                    const AttentionDevice& device);
double decode_time(const AttentionQuery& query, const DecodeParameters& parameters,
                   const AttentionDevice& device);
double backward_time(const AttentionQuery& query, const ContextParameters& parameters,
                     const AttentionDevice& device);

// No attention kernel of this device is faster: products at the data-sheet
// peak, and what does not fit in the L2 at the memory's bandwidth.
double attention_least_time(const AttentionQuery& query, const AttentionDevice& device);

// Head size that kernels are built for: 80 -> 96, 108 -> 128, 576 stays.
std::int64_t padded_head_dim(std::int64_t head_dim);

// Parameters for a GPU without a table: those fitted to its nearest measured relative (volta, turing,
// ampere: A100; hopper: H100, 8-bit products H200; blackwell with NVLink: B200; ada: RTX 4090;
// blackwell without NVLink: RTX PRO 6000); the data sheet carries the difference.
struct AttentionDefaults {
  ContextParameters context;
  DecodeParameters decode;
  std::string_view from;  // "a100-sxm-80gb, vllm 0.14.0"
};
AttentionDefaults default_attention_parameters(const sim::Gpu& gpu, NumberFormat format);

// Attention as it ran before fused kernels (2021-22 stacks): S = Q K^T as a
// batched GEMM, scale + mask + softmax, dropout, P V as a batched GEMM; the
// scores go through memory each time. `backward` expands to the four products
// and the two memory-bound steps of the gradient.
struct UnfusedAttention {
  std::vector<GemmQuery> products;
  std::vector<MemoryQuery> passes;
};
enum class AttentionDropout { none, applied };
UnfusedAttention expand_unfused(const AttentionQuery& query, AttentionDropout dropout);

// Decode attention of a batch whose sequences differ in length: the keys of one kernel are shared
// out over all SMs, so its time is that of a uniform batch with the same number of sequences and the
// same sum of keys. Measured (LLMServingSim's skew tables, vLLM 0.19 on RTX 4090 and RTX PRO 6000,
// some sequences 4 times as long and more): 2 % median error, 11 % p90, too fast by 4 % on average
// (the longest sequence ends last).
AttentionQuery fold_decode_batch(const AttentionQuery& shape,
                                 std::span<const std::int64_t> kv_lens);

// A step that mixes prefill chunks (q_len, kv_len each) with decodes runs them
// in one kernel or in two; either way as one context query a distinct chunk and
// one folded decode query.
struct ChunkLengths {
  std::int64_t q_len = 1, kv_len = 1;
};
struct MixedBatch {
  std::vector<AttentionQuery> context;  // equal chunks are one query of a larger batch
  std::vector<AttentionQuery> decode;   // none or one
};
MixedBatch fold_mixed_batch(const AttentionQuery& shape, std::span<const ChunkLengths> sequences);

}  // namespace windtunnel::models

// FLOPs and parameters of ops, blocks and networks.
//
// Model FLOPs follow contract.md: forward = 2 x matrix parameters per token plus attention counted
// full (masks do not halve it; a sliding window does limit it), model = 3 x forward. Norms,
// activations and lookups count nothing, recomputation is not counted. For a GPT this is
// 72 s l h^2 (1 + s / 6h + V / 12lh) a sequence (Narayanan et al. 2021, arXiv 2104.04473, section
// 5.1, without its factor 4/3 for recomputation). Fine-tuning counts what it needs: frozen matrices
// have no product for their gradient (2 x forward), blocks without a backward pass 1 x forward. Hardware FLOPs are the sum over lowered kernels.
#pragma once

#include <cstdint>

#include "models/networks/layout.hpp"
#include "models/networks/network.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::models {

base::Flops forward_flops(const Op& op, const BatchShape& batch);
base::Flops forward_flops(const Block& block, const BatchShape& batch);
base::Flops forward_flops(const Network& network, const BatchShape& batch);
// Products with the input's and the weights' gradients: 2 x forward, but for a first layer.
base::Flops backward_flops(const Op& op, const BatchShape& batch);

// A sequence of that length; images and rows have no length.
base::Flops model_flops_per_sample(const Network& network, std::int64_t sequence_length);
base::Flops model_flops(const Network& network, const BatchShape& batch);  // of all its sequences
base::Flops model_flops_per_token(const Network& network, std::int64_t sequence_length);

// Tied tables once.
std::int64_t parameters(const Network& network);
std::int64_t parameters(const Block& block);
// Of ops that are not frozen.
std::int64_t trainable_parameters(const Network& network);
// Those a token passes through: top_k of the experts.
std::int64_t active_parameters(const Network& network);
// On one rank of a layout, dense and expert apart (their gradients are reduced over other groups).
struct RankParameters {
  double dense = 0, expert = 0;
  double total() const { return dense + expert; }
};
RankParameters parameters_on_rank(const Op& op, const Layout& layout);
RankParameters parameters_on_rank(const Block& block, const Layout& layout);
RankParameters trainable_on_rank(const Block& block, const Layout& layout);
// In bytes, with `stored` a weight where it is not quantized.
RankParameters weight_bytes_on_rank(const Block& block, const Layout& layout, double stored);
bool is_trained(const Block& block);

// Of one token over all layers, on one tensor rank; latent attention keeps its latent on each.
// Windowed layers keep min(window, length) tokens of a sequence of that length.
base::Bytes kv_cache_bytes(const Network& network, std::int64_t tokens_of_sequence,
                           const Layout& layout, NumberFormat format);
base::Bytes kv_cache_bytes(const Block& block, std::int64_t tokens_of_sequence,
                           const Layout& layout, NumberFormat format);

}  // namespace windtunnel::models

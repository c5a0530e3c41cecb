#include "models/networks/counts.hpp"

#include <algorithm>
#include <cmath>

namespace windtunnel::models {
namespace {

double real(std::int64_t count) {
  return static_cast<double>(count);
}

// Multiply-adds of one row of an op; attention and what runs once a sample see the batch.
struct MultiplyAdds {
  const BatchShape& batch;
  double rows;

  double operator()(const LinearWork& work) const {
    return rows * real(work.inputs) * real(work.outputs);
  }
  double operator()(const AttentionWork& work) const {
    const double queries = real(batch.sequences) * real(work.fixed_query > 0 ? work.fixed_query
                                                        : work.source == AttentionSource::encoder
                                                            ? batch.encoder_tokens
                                                            : batch.query_tokens);
    std::int64_t keys = work.fixed_keys > 0 ? work.fixed_keys : batch.keys();
    if (work.source != AttentionSource::self) keys = batch.encoder_tokens;
    if (work.window > 0) keys = std::min(keys, work.window);
    return queries * real(keys) * real(work.heads) * real(work.head_dim + work.value_dim);
  }
  double operator()(const MoeWork& work) const {
    const double matrices = work.mlp == ExpertMlp::gated ? 3.0 : 2.0;
    return rows * real(work.top_k) * matrices * real(work.hidden) * real(work.intermediate);
  }
  double operator()(const ConvolutionWork& work) const {
    return rows * real(work.out_positions) * real(work.out_channels) *
           real(work.in_channels / work.groups) * real(work.kernel_volume);
  }
  double operator()(const ProductWork& work) const {
    return rows * real(work.batch) * real(work.m) * real(work.n) * real(work.k);
  }
  double operator()(const RecurrentWork& work) const {
    return rows * real(work.gates) * real(work.hidden) * real(work.inputs + work.hidden);
  }
  double operator()(const ScanWork& work) const {
    const double chunk = real(work.chunk);
    const double value = real(work.head_dim), state = real(work.state);
    const double solved = work.rule == ScanRule::delta ? chunk * (value + state) : 0.0;
    return rows * (real(work.groups) * chunk * state +
                   real(work.heads) * (chunk * value + 2.0 * value * state + solved));
  }
  double operator()(const MemoryWork&) const { return 0.0; }
  double operator()(const EmbeddingWork&) const { return 0.0; }
};

bool needs_input_gradient(const Op& op) {
  if (const auto* linear = std::get_if<LinearWork>(&op.work)) return linear->input_gradient;
  if (const auto* map = std::get_if<ConvolutionWork>(&op.work)) return map->input_gradient;
  return true;
}

// Forward, and the two products of the backward pass as far as they are needed.
double passes_counted(const Op& op, const Block& block) {
  if (block.gradients == GradientFlow::none) return 1.0;
  return op.learning == Learning::frozen && !std::holds_alternative<AttentionWork>(op.work) ? 2.0
                                                                                            : 3.0;
}

double share(std::int64_t count, std::int64_t parts) {
  return real(count) / real(parts);
}

}  // namespace

base::Flops forward_flops(const Op& op, const BatchShape& batch) {
  const double rows = real(total_rows(op.rows, batch, Mode::training));
  return base::Flops(2.0 * std::visit(MultiplyAdds{batch, rows}, op.work));
}

base::Flops forward_flops(const Block& block, const BatchShape& batch) {
  base::Flops sum{0};
  for (const Op& op : block.ops) sum += forward_flops(op, batch);
  return sum;
}

base::Flops forward_flops(const Network& network, const BatchShape& batch) {
  base::Flops sum{0};
  for (const std::size_t index : network.order) sum += forward_flops(network.blocks[index], batch);
  return sum;
}

base::Flops backward_flops(const Op& op, const BatchShape& batch) {
  return forward_flops(op, batch) * (needs_input_gradient(op) ? 2.0 : 1.0);
}

base::Flops model_flops_per_sample(const Network& network, std::int64_t sequence_length) {
  return model_flops(network, {.query_tokens = sequence_length, .encoder_tokens = sequence_length});
}

base::Flops model_flops(const Network& network, const BatchShape& batch) {
  base::Flops sum{0};
  for (const std::size_t index : network.order) {
    const Block& block = network.blocks[index];
    for (const Op& op : block.ops) sum += passes_counted(op, block) * forward_flops(op, batch);
  }
  return sum;
}

base::Flops model_flops_per_token(const Network& network, std::int64_t sequence_length) {
  return model_flops_per_sample(network, sequence_length) / real(sequence_length);
}

std::int64_t parameters(const Block& block) {
  std::int64_t sum = 0;
  for (const Op& op : block.ops) sum += op.parameters.total();
  return sum;
}

std::int64_t parameters(const Network& network) {
  std::int64_t sum = 0;
  for (const std::size_t index : network.order) sum += parameters(network.blocks[index]);
  return sum;
}

std::int64_t trainable_parameters(const Network& network) {
  std::int64_t sum = 0;
  for (const std::size_t index : network.order) {
    for (const Op& op : network.blocks[index].ops) {
      if (op.learning == Learning::trained) sum += op.parameters.total();
    }
  }
  return sum;
}

std::int64_t active_parameters(const Network& network) {
  double sum = 0;
  for (const std::size_t index : network.order) {
    for (const Op& op : network.blocks[index].ops) {
      sum += op.active_share * real(op.parameters.total());
    }
  }
  return std::llround(sum);
}

RankParameters parameters_on_rank(const Op& op, const Layout& layout) {
  const ParameterCount& count = op.parameters;
  return {.dense = share(count.tensor, layout.tensor) +
                   share(count.kv, std::min(layout.tensor, count.kv_heads)) +
                   real(count.replicated),
          .expert = share(count.expert, layout.expert * layout.expert_tensor)};
}

RankParameters parameters_on_rank(const Block& block, const Layout& layout) {
  RankParameters sum;
  for (const Op& op : block.ops) {
    const RankParameters one = parameters_on_rank(op, layout);
    sum.dense += one.dense;
    sum.expert += one.expert;
  }
  return sum;
}

RankParameters trainable_on_rank(const Block& block, const Layout& layout) {
  RankParameters sum;
  for (const Op& op : block.ops) {
    if (op.learning == Learning::frozen) continue;
    const RankParameters one = parameters_on_rank(op, layout);
    sum.dense += one.dense;
    sum.expert += one.expert;
  }
  return sum;
}

RankParameters weight_bytes_on_rank(const Block& block, const Layout& layout, double stored) {
  RankParameters sum;
  for (const Op& op : block.ops) {
    const double each = op.stored_bytes > 0.0 ? op.stored_bytes : stored;
    const RankParameters one = parameters_on_rank(op, layout);
    sum.dense += one.dense * each;
    sum.expert += one.expert * each;
  }
  return sum;
}

bool is_trained(const Block& block) {
  return std::any_of(block.ops.begin(), block.ops.end(), [](const Op& op) {
    return op.learning == Learning::trained && op.parameters.total() > 0;
  });
}

base::Bytes kv_cache_bytes(const Block& block, std::int64_t tokens, const Layout& layout,
                           NumberFormat format) {
  double elements = 0;
  for (const Op& op : block.ops) {
    const auto* work = std::get_if<AttentionWork>(&op.work);
    if (work == nullptr || work->source != AttentionSource::self || work->fixed_keys > 0) continue;
    if (work->mask != AttentionMask::causal) continue;  // encoders keep nothing
    const std::int64_t width = work->kv_lora > 0 ? work->kv_lora + work->rope_dim
                                                 : kv_heads_on_rank(work->kv_heads, layout) *
                                                       (work->head_dim + work->value_dim);
    const std::int64_t kept = work->window > 0 ? std::min(work->window, tokens) : tokens;
    elements += real(width) * real(kept);
  }
  return base::Bytes(elements * activation_bytes(format));
}

base::Bytes kv_cache_bytes(const Network& network, std::int64_t tokens, const Layout& layout,
                           NumberFormat format) {
  base::Bytes sum{0};
  for (const std::size_t index : network.order) {
    sum += kv_cache_bytes(network.blocks[index], tokens, layout, format);
  }
  return sum;
}

}  // namespace windtunnel::models

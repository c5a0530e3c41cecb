// Attention of a transformer layer: grouped-query, latent and cross attention.
#include <string>
#include <utility>

#include "models/networks/op_builders.hpp"

namespace windtunnel::models {
namespace {

SavedTensor core(std::string name, SavedElement element, SavedIf condition) {
  return {.name = std::move(name),
          .elements = 1,
          .element = element,
          .split = SavedSplit::tensor,
          .extent = SavedExtent::pair,
          .condition = condition,
          .scope = SavedScope::attention_core};
}

SavedTensor keys_or_values(std::string name, const AttentionWork& work, std::int64_t width) {
  SavedTensor tensor =
      kept(std::move(name), static_cast<double>(work.kv_heads * width), SavedSplit::tensor);
  tensor.split_limit = work.kv_heads;
  return tensor;
}

// What attention keeps: queries, keys, values; unfused also the softmax and, with dropout, its mask
// and product (Korthikanti et al. 2022, section 4.1); fused the logarithm of the softmax's sum, and
// its output where the projection behind it keeps a narrower copy.
void keep(Op& op, const AttentionWork& work) {
  const double heads = static_cast<double>(work.heads);
  op.saved.push_back(kept("query", heads * static_cast<double>(work.head_dim), SavedSplit::tensor));
  op.saved.push_back(keys_or_values("key", work, work.head_dim));
  op.saved.push_back(keys_or_values("value", work, work.value_dim));
  if (work.kv_lora > 0) {
    for (SavedTensor& tensor : op.saved) tensor.scope = SavedScope::attention_input;
  }
  op.saved.push_back(core("softmax", SavedElement::activation, SavedIf::unfused_attention));
  op.saved.push_back(core("dropout mask", SavedElement::byte, SavedIf::unfused_attention_dropout));
  op.saved.push_back(
      core("dropout output", SavedElement::activation, SavedIf::unfused_attention_dropout));
  SavedTensor sum = kept("log-sum-exp", heads, SavedSplit::tensor);
  sum.element = SavedElement::fp32;
  sum.condition = SavedIf::fused_attention;
  sum.scope = SavedScope::attention_core;
  op.saved.push_back(std::move(sum));
  SavedTensor output =
      kept("output", heads * static_cast<double>(work.value_dim), SavedSplit::tensor);
  output.condition = SavedIf::narrow_gemm;
  output.scope = SavedScope::attention_output;
  op.saved.push_back(std::move(output));
}

Op attention_op(std::string name, const AttentionWork& work, Rows rows) {
  Op op{.name = std::move(name), .work = work, .rows = rows, .split = TensorSplit::heads};
  op.module = RecomputeModule::core_attn;
  keep(op, work);
  return op;
}

Op output_projection(const std::string& name, const Transformer& t, std::int64_t width, Rows rows) {
  return linear_op(name, {.inputs = width, .outputs = t.hidden, .bias = t.biases.attention_output},
                   TensorSplit::row, rows);
}

void add_head_norms(const Transformer& t, Rows rows, std::vector<Op>& ops) {
  for (const auto& [name, heads] :
       {std::pair{"attention.query_norm", t.heads}, std::pair{"attention.key_norm", t.kv_heads}}) {
    Op op = norm_op(name, t, heads * t.head_dim, rows);
    op.split = TensorSplit::heads;
    op.parameters.replicated = t.head_dim;  // one vector for all heads
    op.saved.front().split = SavedSplit::tensor;
    if (heads == t.kv_heads) op.saved.front().split_limit = t.kv_heads;
    ops.push_back(std::move(op));
  }
}

Op up(Op op) {
  op.module = RecomputeModule::mla_up_proj;
  return op;
}

AttentionSource source_of(Rows rows) {
  return rows.basis == RowBasis::encoder_token ? AttentionSource::encoder : AttentionSource::self;
}

// Lengths of attention over patches are the model's, not the batch's.
std::int64_t fixed_length(Rows rows) {
  return rows.basis == RowBasis::sequence ? rows.per : 0;
}

}  // namespace

void add_attention(const Transformer& t, const LayerPlace& place, std::vector<Op>& ops) {
  if (t.mla.kv_lora > 0) return add_latent_attention(t, place, ops);
  const std::int64_t kv_width = t.kv_heads * t.head_dim;
  ops.push_back(
      linear_op("attention.qkv",
                {.inputs = t.hidden,
                 .outputs = (t.attention_gate ? 2 : 1) * t.heads * t.head_dim + 2 * kv_width,
                 .kv_outputs = 2 * kv_width,
                 .kv_heads = t.kv_heads,
                 .pieces = 3,
                 .bias = t.biases.qkv},
                TensorSplit::column, place.rows));
  if (t.qk_norm) add_head_norms(t, place.rows, ops);
  if (t.positions == PositionKind::rotary) {
    ops.push_back(rotary_op("attention.rotary", (t.heads + t.kv_heads) * t.head_dim, place.rows));
  }
  Op core_op = attention_op("attention.core",
                            {.heads = t.heads,
                             .kv_heads = t.kv_heads,
                             .head_dim = t.head_dim,
                             .value_dim = t.head_dim,
                             .mask = place.mask,
                             .source = source_of(place.rows),
                             .window = window_of_layer(t, place.index),
                             .fixed_query = fixed_length(place.rows),
                             .fixed_keys = fixed_length(place.rows),
                             .dropout = t.dropout},
                            place.rows);
  core_op.parameters.tensor = t.attention_sinks * t.heads;
  ops.push_back(std::move(core_op));
  if (t.attention_gate)
    ops.push_back(
        activation_op("attention.gate", MlpKind::gated, t.heads * t.head_dim, place.rows));
  ops.push_back(output_projection("attention.output", t, t.heads * t.head_dim, place.rows));
}

void add_latent_attention(const Transformer& t, const LayerPlace& place, std::vector<Op>& ops) {
  const LatentAttention& mla = t.mla;
  const Rows rows = place.rows;
  const std::int64_t key_dim = mla.nope_dim + mla.rope_dim;
  if (mla.q_lora > 0) {
    ops.push_back(linear_op("attention.query_down", {.inputs = t.hidden, .outputs = mla.q_lora},
                            TensorSplit::replicated, rows));
    ops.push_back(up(norm_op("attention.query_norm", t, mla.q_lora, rows)));
    ops.push_back(
        up(linear_op("attention.query_up", {.inputs = mla.q_lora, .outputs = t.heads * key_dim},
                     TensorSplit::column, rows)));
  } else {
    ops.push_back(linear_op("attention.query", {.inputs = t.hidden, .outputs = t.heads * key_dim},
                            TensorSplit::column, rows));
  }
  Op down =
      linear_op("attention.kv_down", {.inputs = t.hidden, .outputs = mla.kv_lora + mla.rope_dim},
                TensorSplit::replicated, rows);
  down.saved.clear();  // its input is the one that the query keeps
  ops.push_back(std::move(down));
  ops.push_back(up(norm_op("attention.kv_norm", t, mla.kv_lora, rows)));
  ops.push_back(up(linear_op("attention.kv_up",
                             {.inputs = mla.kv_lora,
                              .outputs = t.heads * (mla.nope_dim + mla.value_dim),
                              .absorbed = true},
                             TensorSplit::column, rows)));
  ops.push_back(up(rotary_op("attention.rotary", t.heads * key_dim + t.heads * key_dim, rows)));
  ops.push_back(attention_op("attention.core",
                             {.heads = t.heads,
                              .kv_heads = t.heads,
                              .head_dim = key_dim,
                              .value_dim = mla.value_dim,
                              .mask = place.mask,
                              .window = window_of_layer(t, place.index),
                              .kv_lora = mla.kv_lora,
                              .rope_dim = mla.rope_dim,
                              .nope_dim = mla.nope_dim,
                              .dropout = t.dropout},
                             rows));
  ops.push_back(output_projection("attention.output", t, t.heads * mla.value_dim, rows));
}

void add_cross_attention(const Transformer& t, std::vector<Op>& ops) {
  const Rows decoder{};
  const Rows encoder{.basis = RowBasis::encoder_token};
  const std::int64_t width = t.heads * t.head_dim;
  ops.push_back(linear_op("cross_attention.query",
                          {.inputs = t.hidden, .outputs = width, .bias = t.biases.qkv},
                          TensorSplit::column, decoder));
  ops.push_back(linear_op("cross_attention.key_value",
                          {.inputs = t.hidden,
                           .outputs = 2 * width,
                           .kv_outputs = 2 * width,
                           .kv_heads = t.heads,
                           .pieces = 2,
                           .bias = t.biases.qkv},
                          TensorSplit::column, encoder));
  ops.back().saved.clear();  // its input is the encoder's output, one for all layers
  ops.push_back(attention_op("cross_attention.core",
                             {.heads = t.heads,
                              .kv_heads = t.heads,
                              .head_dim = t.head_dim,
                              .value_dim = t.head_dim,
                              .mask = AttentionMask::full,
                              .source = AttentionSource::cross,
                              .dropout = t.dropout},
                             decoder));
  ops.push_back(output_projection("cross_attention.output", t, width, decoder));
}

}  // namespace windtunnel::models

// Blocks of transformers: embedding, the layers in their order, head.
#include <cstddef>
#include <map>
#include <tuple>
#include <utility>

#include "models/networks/op_builders.hpp"

namespace windtunnel::models {
namespace {

// What tells one layer from another of the same stack.
// Role, experts, window, attention, scan, MLP.
using LayerVariant = std::tuple<BlockRole, bool, std::int64_t, bool, bool, bool>;

bool is_encoder(const Transformer& t) {
  return t.role == TransformerRole::encoder || t.role == TransformerRole::vision;
}

Rows rows_of(const Transformer& t) {
  if (t.role != TransformerRole::vision) return {};
  const std::int64_t side = t.patches.image / t.patches.patch;
  return {.basis = RowBasis::sequence, .per = side * side + 1};  // patches and the class token
}

// In a parallel block the sum of attention and MLP leaves the tensor-parallel region once; where
// they share a norm, its output is gathered and kept once too.
void join_branches(const Transformer& t, std::vector<Op>& ops) {
  bool entered = false;
  Op* last_leave = nullptr;
  for (Op& op : ops) {
    if (op.boundary == Boundary::enter) {
      if (entered && !t.separate_mlp_norm) {
        op.boundary = Boundary::none;
        op.saved.clear();
      }
      entered = true;
    } else if (op.boundary == Boundary::leave) {
      if (last_leave != nullptr) last_leave->boundary = Boundary::none;
      last_leave = &op;
    }
  }
}

// The first tensor that a layer keeps is what it was given: all that full recomputation keeps.
void mark_layer_input(Block& block) {
  for (Op& op : block.ops) {
    for (SavedTensor& tensor : op.saved) {
      if (tensor.condition != SavedIf::always) continue;
      tensor.scope = SavedScope::layer_input;
      tensor.element = SavedElement::activation;
      return;
    }
  }
}

// The norm in front of a part of a layer.
Op layer_norm(std::string name, const Transformer& t, Rows rows) {
  Op op = norm_op(std::move(name), t, t.hidden, rows);
  op.module = RecomputeModule::layernorm;
  return op;
}

// What a layer's norms give is the first tensor that the part behind each keeps.
void mark_normed(Block& block) {
  for (std::size_t i = 0; i + 1 < block.ops.size(); ++i) {
    std::vector<SavedTensor>& behind = block.ops[i + 1].saved;
    if (block.ops[i].module != RecomputeModule::layernorm || behind.empty()) continue;
    if (behind.front().scope == SavedScope::ordinary) behind.front().scope = SavedScope::normed;
  }
}

// A layer of a network with scans: what parts_of_layer() says, each part with its norm and residual.
Block hybrid_block(const Transformer& t, const LayerPlace& place) {
  const LayerParts parts = parts_of_layer(t, place.index);
  Block block{.name = parts.scan ? "scan layer" : parts.attention ? "layer" : "mlp layer"};
  std::vector<Op>& ops = block.ops;
  if (parts.scan || parts.attention) {
    ops.push_back(layer_norm(parts.scan ? "scan.norm" : "attention.norm", t, place.rows));
    if (parts.scan)
      add_scan(t, place, ops);
    else
      add_attention(t, place, ops);
    ops.push_back(residual_op("mixer.residual", t, place.rows));
  }
  if (parts.mlp) {
    ops.push_back(layer_norm("mlp.norm", t, place.rows));
    add_mlp(t, place, ops);
    ops.push_back(residual_op("mlp.residual", t, place.rows));
  }
  mark_layer_input(block);
  mark_normed(block);
  if (has_experts(t, place.index)) block.name = "experts " + block.name;
  return block;
}

Block layer_block(const Transformer& t, BlockRole role, const LayerPlace& place) {
  Block block{.name = role == BlockRole::encoder_layer ? "encoder layer" : "layer", .role = role};
  std::vector<Op>& ops = block.ops;
  const bool sequential = t.residual == ResidualKind::sequential;
  if (t.scan.heads > 0) return hybrid_block(t, place);
  ops.push_back(layer_norm("attention.norm", t, place.rows));
  add_attention(t, place, ops);
  if (t.sandwich_norms) {
    ops.push_back(norm_op("attention.output_norm", t, t.hidden, place.rows));
  }
  if (sequential) ops.push_back(residual_op("attention.residual", t, place.rows));
  if (t.role == TransformerRole::encoder_decoder && role == BlockRole::layer) {
    ops.push_back(norm_op("cross_attention.norm", t, t.hidden, place.rows));
    add_cross_attention(t, ops);
    ops.push_back(residual_op("cross_attention.residual", t, place.rows));
  }
  if (sequential || t.separate_mlp_norm) {
    ops.push_back(layer_norm("mlp.norm", t, place.rows));
  }
  add_mlp(t, place, ops);
  if (t.sandwich_norms) ops.push_back(norm_op("mlp.output_norm", t, t.hidden, place.rows));
  ops.push_back(residual_op("mlp.residual", t, place.rows));
  if (!sequential) join_branches(t, ops);
  mark_layer_input(block);
  mark_normed(block);
  if (has_experts(t, place.index)) block.name = "experts " + block.name;
  if (window_of_layer(t, place.index) > 0) block.name = "windowed " + block.name;
  return block;
}

// Appends `count` layers, equal ones as one block.
void add_layers(const Transformer& t, BlockRole role, std::int64_t count, Network& network) {
  std::map<LayerVariant, std::size_t> known;
  for (std::int64_t i = 0; i < count; ++i) {
    const LayerParts parts = parts_of_layer(t, i);
    const auto variant = LayerVariant{
        role, has_experts(t, i), window_of_layer(t, i), parts.attention, parts.scan, parts.mlp};
    auto found = known.find(variant);
    if (found == known.end()) {
      LayerPlace place{.index = i, .rows = rows_of(t)};
      if (role == BlockRole::encoder_layer) {
        place.rows = {.basis = RowBasis::encoder_token};
        place.mask = AttentionMask::full;
      }
      if (is_encoder(t)) place.mask = AttentionMask::full;
      network.blocks.push_back(layer_block(t, role, place));
      found = known.emplace(variant, network.blocks.size() - 1).first;
    }
    network.order.push_back(found->second);
  }
}

void add_token_tables(const Transformer& t, std::vector<Op>& ops) {
  const std::int64_t width = t.embedding_width;
  ops.push_back(embedding_op("embedding.tokens", {.rows = t.vocab, .width = width},
                             TensorSplit::vocabulary, {}));
  if (t.role == TransformerRole::encoder_decoder) {
    Op source = embedding_op("embedding.source", {.rows = t.vocab, .width = width},
                             TensorSplit::vocabulary, {.basis = RowBasis::encoder_token});
    source.parameters = {};  // the same table
    ops.push_back(std::move(source));
  }
  if (t.positions == PositionKind::learned) {
    ops.push_back(embedding_op("embedding.positions", {.rows = t.position_table, .width = t.hidden},
                               TensorSplit::replicated, {}));
  }
  if (t.token_types > 0) {
    ops.push_back(embedding_op("embedding.types", {.rows = t.token_types, .width = t.hidden},
                               TensorSplit::replicated, {}));
  }
  if (t.embedding_width != t.hidden) {
    ops.push_back(linear_op("embedding.project", {.inputs = width, .outputs = t.hidden},
                            TensorSplit::replicated, {}));
  }
}

void add_patch_embedding(const Transformer& t, std::vector<Op>& ops) {
  const Rows rows = rows_of(t);
  const std::int64_t inputs = t.patches.channels * t.patches.patch * t.patches.patch;
  ops.push_back(
      linear_op("embedding.patches",
                {.inputs = inputs, .outputs = t.hidden, .bias = true, .input_gradient = false},
                TensorSplit::replicated, {.basis = RowBasis::sequence, .per = rows.per - 1}));
  Op positions = embedding_op("embedding.positions", {.rows = rows.per, .width = t.hidden},
                              TensorSplit::replicated, rows);
  positions.parameters.replicated += t.hidden;  // the class token
  ops.push_back(std::move(positions));
}

Block embedding_block(const Transformer& t) {
  Block block{.name = "embedding", .role = BlockRole::embedding};
  if (t.role == TransformerRole::vision) {
    add_patch_embedding(t, block.ops);
  } else {
    add_token_tables(t, block.ops);
  }
  if (t.embedding_norm) block.ops.push_back(norm_op("embedding.norm", t, t.hidden, rows_of(t)));
  if (t.positions == PositionKind::relative) {  // T5: one table of 32 buckets a stack
    const std::int64_t stacks = t.role == TransformerRole::encoder_decoder ? 2 : 1;
    Op bias{.name = "embedding.relative_positions",
            .work = EmbeddingWork{.rows = 32 * stacks, .width = t.heads, .lookups = 0},
            .rows = {.basis = RowBasis::sequence}};
    bias.parameters.replicated = 32 * stacks * t.heads;
    block.ops.push_back(std::move(bias));
  }
  if (t.dropout > 0.0 && t.role != TransformerRole::vision) {
    SavedTensor mask = kept("dropout mask", static_cast<double>(t.hidden), SavedSplit::sequence);
    mask.element = SavedElement::byte;
    mask.condition = SavedIf::dropout;
    block.ops.back().saved.push_back(std::move(mask));
  }
  return block;
}

Op cross_entropy_op(std::int64_t classes, Rows rows) {
  Op op{.name = "head.cross_entropy",
        .work = MemoryWork{.op = MemoryOp::cross_entropy,
                           .width = static_cast<double>(classes),
                           .fusion = Fusion::cross_entropy,
                           .forward = {1, 2.0},
                           .backward = {1, 2.0},
                           .unfused_forward = {6, 19.0},  // FP32: cast, max, -, exp, sum, /
                           .unfused_backward = {3, 7.0}},
        .rows = rows,
        .split = TensorSplit::vocabulary};
  SavedTensor softmax = kept("softmax", static_cast<double>(classes), SavedSplit::tensor);
  softmax.condition = SavedIf::fused_cross_entropy;
  op.saved.push_back(softmax);
  softmax.condition = SavedIf::unfused_cross_entropy;
  softmax.element = SavedElement::fp32;
  op.saved.push_back(std::move(softmax));
  return op;
}

// The projection onto the vocabulary; a tied one has no parameters of its own.
void add_vocabulary_head(const Transformer& t, std::vector<Op>& ops) {
  const Rows rows{.basis = RowBasis::loss_token};
  if (t.embedding_width != t.hidden) {
    ops.push_back(linear_op("head.project", {.inputs = t.hidden, .outputs = t.embedding_width},
                            TensorSplit::replicated, rows));
  }
  Op logits = linear_op(
      "head.logits",
      {.inputs = t.embedding_width, .outputs = t.vocab, .bias = t.biases.head, .head = true},
      TensorSplit::vocabulary, rows);
  if (t.tied_embeddings) {
    logits.parameters = {.tensor = t.biases.head ? t.vocab : 0};
  }
  ops.push_back(std::move(logits));
  ops.push_back(cross_entropy_op(t.vocab, rows));
}

Block head_block(const Transformer& t) {
  Block block{.name = "head", .role = BlockRole::head};
  std::vector<Op>& ops = block.ops;
  if (t.role == TransformerRole::encoder_decoder && t.final_norm) {
    ops.push_back(norm_op("head.encoder_norm", t, t.hidden, {.basis = RowBasis::encoder_token}));
  }
  if (t.final_norm) ops.push_back(norm_op("head.norm", t, t.hidden, rows_of(t)));
  if (t.role == TransformerRole::vision) {
    ops.push_back(linear_op("head.classes",
                            {.inputs = t.hidden, .outputs = t.patches.classes, .bias = true},
                            TensorSplit::replicated, {.basis = RowBasis::sequence}));
    return block;
  }
  if (t.pooler) {
    ops.push_back(linear_op("head.pooler", {.inputs = t.hidden, .outputs = t.hidden, .bias = true},
                            TensorSplit::replicated, {.basis = RowBasis::sequence}));
  }
  if (t.role == TransformerRole::encoder) {
    if (!t.masked_lm_head) return block;
    ops.push_back(linear_op("head.transform",
                            {.inputs = t.hidden, .outputs = t.hidden, .bias = true},
                            TensorSplit::replicated, {}));
    ops.push_back(norm_op("head.transform_norm", t, t.hidden, {}));
  }
  add_vocabulary_head(t, ops);
  return block;
}

// The layer within a multi-token prediction: as the last one; of a network with scans an attention
// layer and, where that has no MLP, an MLP layer behind it (Nemotron 3's pattern "*E").
Block predicting_layer(const Transformer& t) {
  if (t.scan.heads <= 0) return layer_block(t, BlockRole::layer, {.index = t.layers - 1});
  const auto last_with = [&](auto has) {
    std::int64_t index = t.layers - 1;
    while (index > 0 && !has(parts_of_layer(t, index))) --index;
    return index;
  };
  const std::int64_t attention =
      last_with([](const LayerParts& parts) { return parts.attention && !parts.scan; });
  Block block = hybrid_block(t, {.index = attention});
  if (parts_of_layer(t, attention).mlp) return block;
  const std::int64_t mlp = last_with([](const LayerParts& parts) { return parts.mlp; });
  Block behind = hybrid_block(t, {.index = mlp});
  block.ops.insert(block.ops.end(), behind.ops.begin(), behind.ops.end());
  return block;
}

// Multi-token prediction (DeepSeek-V3, arXiv 2412.19437, section 2.2): two norms, a projection of
// the last layer's output and the next token's embedding, one more layer, the shared head again.
Block prediction_block(const Transformer& t) {
  Block block = predicting_layer(t);
  block.name = "multi-token prediction";
  std::vector<Op> first;
  first.push_back(norm_op("mtp.hidden_norm", t, t.hidden, {}));
  first.push_back(norm_op("mtp.token_norm", t, t.hidden, {}));
  first.push_back(linear_op("mtp.project", {.inputs = 2 * t.hidden, .outputs = t.hidden},
                            TensorSplit::column, {}));
  block.ops.insert(block.ops.begin(), first.begin(), first.end());
  block.ops.push_back(norm_op("mtp.norm", t, t.hidden, {}));
  Transformer shared = t;
  shared.tied_embeddings = true;
  add_vocabulary_head(shared, block.ops);
  return block;
}

}  // namespace

Network build(const Transformer& t) {
  Network network;
  network.hidden = t.hidden;
  network.max_positions = t.max_positions;
  if (t.role == TransformerRole::vision) {
    network.sample = SampleKind::image;
    network.max_positions = 0;
  }
  network.blocks.push_back(embedding_block(t));
  network.order.push_back(0);
  if (t.role == TransformerRole::encoder_decoder) {
    add_layers(t, BlockRole::encoder_layer, t.layers, network);
    add_layers(t, BlockRole::layer, t.decoder_layers, network);
  } else {
    add_layers(t, BlockRole::layer, t.layers, network);
  }
  if (t.mtp_layers > 0) {
    network.blocks.push_back(prediction_block(t));
    network.order.insert(network.order.end(), static_cast<std::size_t>(t.mtp_layers),
                         network.blocks.size() - 1);
  }
  network.blocks.push_back(head_block(t));
  network.order.push_back(network.blocks.size() - 1);
  if (t.tied_embeddings) network.shared_parameters = t.vocab * t.embedding_width;
  return network;
}

}  // namespace windtunnel::models

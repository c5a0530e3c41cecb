// Networks of rows of numbers: recommendation, recurrent, and feed-forward models.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "models/networks/op_builders.hpp"

namespace windtunnel::models {
namespace {

constexpr Rows kSample{.basis = RowBasis::sequence};

void append(Network& network, std::string name, BlockRole role, std::vector<Op> ops) {
  network.blocks.push_back({.name = std::move(name), .role = role, .ops = std::move(ops)});
  network.order.push_back(network.blocks.size() - 1);
}

Op elementwise(std::string name, MemoryOp op, std::int64_t width, Traffic forward) {
  return map_op(std::move(name), op, static_cast<double>(width), forward);
}

// Linear layers with ReLU between them, and behind the last where asked.
enum class LastActivation { relu, none };
std::vector<Op> mlp(const std::string& prefix, std::int64_t inputs,
                    const std::vector<std::int64_t>& widths, LastActivation last) {
  std::vector<Op> ops;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const std::string name = fmt::format("{}.linear {}", prefix, i + 1);
    ops.push_back(linear_op(name, {.inputs = inputs, .outputs = widths[i], .bias = true},
                            TensorSplit::replicated, kSample));
    inputs = widths[i];
    if (i + 1 == widths.size() && last == LastActivation::none) break;
    ops.push_back(
        elementwise(fmt::format("{}.relu {}", prefix, i + 1), MemoryOp::gelu, inputs, {1, 2.0}));
  }
  return ops;
}

void no_input_gradient(Op& op) {
  std::get<LinearWork>(op.work).input_gradient = false;
}

// Low-rank cross layers: x_{l+1} = x_0 * (W V x_l + b) + x_l, W: width x rank.
std::vector<Op> cross(const RecommendationModel& dlrm, std::int64_t width) {
  std::vector<Op> ops;
  for (std::int64_t i = 0; i < dlrm.cross_layers; ++i) {
    ops.push_back(linear_op(fmt::format("cross {}.down", i + 1),
                            {.inputs = width, .outputs = dlrm.cross_rank}, TensorSplit::replicated,
                            kSample));
    ops.push_back(linear_op(fmt::format("cross {}.up", i + 1),
                            {.inputs = dlrm.cross_rank, .outputs = width, .bias = true},
                            TensorSplit::replicated, kSample));
    ops.push_back(
        elementwise(fmt::format("cross {}.product", i + 1), MemoryOp::add, width, {1, 4.0}));
    ops.back().saved.push_back(kept("product", static_cast<double>(width), SavedSplit::replicated));
  }
  return ops;
}

std::vector<Op> tables(const RecommendationModel& dlrm) {
  std::vector<Op> ops;
  for (std::size_t i = 0; i < dlrm.table_rows.size(); ++i) {
    ops.push_back(embedding_op(
        fmt::format("embedding {}", i + 1),
        {.rows = dlrm.table_rows[i], .width = dlrm.embedding_dim, .lookups = dlrm.lookups[i]},
        TensorSplit::replicated, kSample));
  }
  return ops;
}

Op lstm_op(std::string name, std::int64_t inputs, std::int64_t hidden) {
  const RecurrentWork work{.inputs = inputs, .hidden = hidden};
  Op op{.name = std::move(name), .work = work};
  // two bias vectors, as in cuDNN
  op.parameters.replicated = work.gates * hidden * (inputs + hidden + 2);
  SavedTensor input = kept("input", static_cast<double>(inputs), SavedSplit::replicated);
  input.element = SavedElement::gemm_input;
  op.saved.push_back(std::move(input));
  op.saved.push_back(kept("gates, cell and hidden state",
                          static_cast<double>((work.gates + 2) * hidden), SavedSplit::replicated));
  return op;
}

}  // namespace

Network build(const RecommendationModel& dlrm) {
  Network network{.sample = SampleKind::row};
  append(network, "embedding", BlockRole::embedding, tables(dlrm));
  std::vector<Op> bottom =
      mlp("bottom", dlrm.dense_features, dlrm.bottom_mlp, LastActivation::relu);
  no_input_gradient(bottom.front());
  append(network, "bottom mlp", BlockRole::layer, std::move(bottom));
  const auto features = static_cast<std::int64_t>(dlrm.table_rows.size()) + 1;
  std::int64_t top_inputs = features * dlrm.embedding_dim;
  if (dlrm.cross_layers > 0) {
    append(network, "interaction", BlockRole::layer, cross(dlrm, top_inputs));
  } else {
    Op pairs{.name = "pairwise products",
             .work = ProductWork{.m = features, .n = features, .k = dlrm.embedding_dim},
             .rows = kSample};
    pairs.saved.push_back(
        kept("features", static_cast<double>(top_inputs), SavedSplit::replicated));
    std::vector<Op> ops;
    ops.push_back(std::move(pairs));
    append(network, "interaction", BlockRole::layer, std::move(ops));
    top_inputs = dlrm.embedding_dim + features * (features - 1) / 2;
  }
  append(network, "top mlp", BlockRole::head,
         mlp("top", top_inputs, dlrm.top_mlp, LastActivation::none));
  return network;
}

Network build(const RecurrentNetwork& lstm) {
  Network network;
  network.hidden = lstm.hidden;
  std::vector<Op> first;
  if (lstm.vocab > 0) {
    first.push_back(embedding_op("embedding", {.rows = lstm.vocab, .width = lstm.inputs},
                                 TensorSplit::replicated, {}));
  }
  append(network, "embedding", BlockRole::embedding, std::move(first));
  std::int64_t inputs = lstm.inputs;
  for (std::int64_t i = 0; i < lstm.layers; ++i) {
    if (i >= 2) {  // equal to the one before
      network.order.push_back(network.order.back());
      continue;
    }
    std::vector<Op> ops;
    ops.push_back(lstm_op("lstm", inputs, lstm.hidden));
    append(network, "layer", BlockRole::layer, std::move(ops));
    inputs = lstm.hidden;
  }
  std::vector<Op> head;
  if (lstm.vocab > 0) {
    head.push_back(linear_op("logits", {.inputs = lstm.hidden, .outputs = lstm.vocab, .bias = true},
                             TensorSplit::replicated, {.basis = RowBasis::loss_token}));
  }
  append(network, "head", BlockRole::head, std::move(head));
  return network;
}

Network build(const FeedForward& net) {
  Network network{.sample = SampleKind::row};
  std::vector<Op> ops = mlp("mlp", net.inputs, net.widths, LastActivation::none);
  no_input_gradient(ops.front());
  append(network, "layers", BlockRole::head, std::move(ops));
  return network;
}

}  // namespace windtunnel::models

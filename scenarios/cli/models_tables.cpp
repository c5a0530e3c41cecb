#include "scenarios/cli/models_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "models/networks/activation_memory.hpp"
#include "models/networks/counts.hpp"
#include "models/networks/library.hpp"

namespace windtunnel::scenarios::cli {
namespace {

using base::Cell;
using models::Network;

constexpr std::int64_t kShownTokens = 4096;

std::int64_t whole(double value) {
  return static_cast<std::int64_t>(value + 0.5);
}

Cell count_or_blank(std::int64_t value) {
  return value > 0 ? Cell{value} : Cell{};
}

std::int64_t layers_of(const Network& network) {
  return std::count_if(network.order.begin(), network.order.end(), [&](std::size_t block) {
    const models::BlockRole role = network.blocks[block].role;
    return role == models::BlockRole::layer || role == models::BlockRole::encoder_layer;
  });
}

models::BatchShape shown_batch(const Network& network) {
  models::BatchShape batch;
  if (network.max_positions > 0) batch.query_tokens = std::min(kShownTokens, network.max_positions);
  batch.encoder_tokens = batch.query_tokens;
  return batch;
}

std::vector<Cell> row_of(const models::Block& block, std::int64_t count, const models::Op& op,
                         const models::BatchShape& batch) {
  const models::LoweringOptions options;
  models::Kernels forward, backward;
  lower(op, batch, options, models::Pass::forward, forward);
  lower(op, batch, options, models::Pass::input_gradient, backward);
  lower(op, batch, options, models::Pass::weight_gradient, backward);
  const auto kept = activation_memory(op, batch, options, models::Recompute::none);
  return {block.name,
          count,
          op.name,
          std::string(kind_of(op)),
          std::string(to_text(op.split)),
          op.parameters.total(),
          whole(forward_flops(op, batch).value()),
          whole(backward_flops(op, batch).value()),
          whole(bytes(forward).value()),
          whole(bytes(backward).value()),
          whole(kept.value())};
}

}  // namespace

base::Table table_of_models() {
  base::Table table{.columns = {"name", "kind", "parameters", "active_parameters", "layers",
                                "hidden", "context", "description", "source"},
                    .rows = {}};
  for (const std::string& name : models::model_names()) {
    const models::Model model = *models::model_by_name(name);
    const Network network = build_network(model);
    table.rows.push_back({name, std::string(kind_of(model)), parameters(network),
                          active_parameters(network), layers_of(network),
                          count_or_blank(network.hidden), count_or_blank(network.max_positions),
                          model.description, model.source});
  }
  return table;
}

base::Table table_of_model(const std::string& name) {
  base::Table table{
      .columns = {"block", "count", "op", "kind", "tensor_split", "parameters", "forward_flops",
                  "backward_flops", "forward_bytes", "backward_bytes", "activation_bytes"},
      .rows = {}};
  const Network network = build_network(*models::model_by_name(name));
  const models::BatchShape batch = shown_batch(network);
  for (std::size_t i = 0; i < network.blocks.size(); ++i) {
    const auto count = std::count(network.order.begin(), network.order.end(), i);
    for (const models::Op& op : network.blocks[i].ops) {
      table.rows.push_back(row_of(network.blocks[i], count, op, batch));
    }
  }
  return table;
}

std::string terms_of_model(const std::string& name) {
  const Network network = build_network(*models::model_by_name(name));
  const std::int64_t tokens = shown_batch(network).query_tokens;
  const bool sequence = network.max_positions > 0;
  return fmt::format(
      "figures of one op (its block is there `count` times) for one {}{} in training on one "
      "device: bf16, fused kernels; "
      "FLOPs count attention in full",
      to_text(network.sample), sequence ? fmt::format(" of {} tokens", tokens) : "");
}

}  // namespace windtunnel::scenarios::cli

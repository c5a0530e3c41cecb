#include "models/networks/fine_tuning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "models/networks/op_builders.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::models {
namespace {

constexpr double kNf4Bits = 4.0 + 0.127;  // Dettmers et al. 2023, section 3

// A part of a matrix that has an adapter of its own.
struct AdaptedPart {
  AdapterTarget target = AdapterTarget::query;
  std::int64_t outputs = 0;
};

bool ends_with(std::string_view name, std::string_view end) {
  return name.size() >= end.size() && name.substr(name.size() - end.size()) == end;
}

bool starts_with(std::string_view name, std::string_view start) {
  return name.substr(0, start.size()) == start;
}

// Which parts a linear layer is made of, by its name in build_attention.cpp and
// build_mlp.cpp.
std::vector<AdaptedPart> parts_of(const Op& op) {
  const auto* work = std::get_if<LinearWork>(&op.work);
  if (work == nullptr || work->head) return {};
  const std::int64_t kv = work->kv_outputs / 2;
  const std::int64_t own = work->outputs - work->kv_outputs;
  if (ends_with(op.name, ".qkv")) {
    return {{AdapterTarget::query, own}, {AdapterTarget::key, kv}, {AdapterTarget::value, kv}};
  }
  if (ends_with(op.name, ".key_value")) {
    return {{AdapterTarget::key, kv}, {AdapterTarget::value, kv}};
  }
  if (ends_with(op.name, ".query") || ends_with(op.name, ".query_up")) {
    return {{AdapterTarget::query, work->outputs}};
  }
  if (ends_with(op.name, "attention.output")) return {{AdapterTarget::output, work->outputs}};
  if (!starts_with(op.name, "mlp.") && !starts_with(op.name, "moe.shared.")) return {};
  if (ends_with(op.name, ".up")) {
    if (work->pieces == 1) return {{AdapterTarget::up, work->outputs}};
    return {{AdapterTarget::gate, work->outputs / 2}, {AdapterTarget::up, work->outputs / 2}};
  }
  if (ends_with(op.name, ".down")) return {{AdapterTarget::down, work->outputs}};
  return {};
}

bool is_target(const FineTuning& tuning, AdapterTarget target) {
  return std::find(tuning.targets.begin(), tuning.targets.end(), target) != tuning.targets.end();
}

bool is_layer(const Block& block) {
  return block.role == BlockRole::layer || block.role == BlockRole::encoder_layer;
}

// x A: its input is the one that the frozen matrix keeps.
Op down_op(const Op& base, const AdaptedPart& part, std::int64_t rank) {
  const std::int64_t inputs = std::get<LinearWork>(base.work).inputs;
  Op op{.name = fmt::format("{}.{}_lora_a", base.name, to_text(part.target)),
        .work = LinearWork{.inputs = inputs, .outputs = rank},
        .rows = base.rows,
        .split = base.split};
  const bool split = base.split != TensorSplit::replicated;
  (split ? op.parameters.tensor : op.parameters.replicated) = inputs * rank;
  if (split) {
    op.boundary = Boundary::leave;
    op.boundary_width = rank;
  }
  return op;
}

// (x A) B, whose outputs stand where those of the frozen matrix do.
Op up_op(const Op& base, const AdaptedPart& part, std::int64_t rank) {
  const bool column = base.split == TensorSplit::column;
  Op op{.name = fmt::format("{}.{}_lora_b", base.name, to_text(part.target)),
        .work = LinearWork{.inputs = rank, .outputs = part.outputs},
        .rows = base.rows,
        .split = column ? TensorSplit::column : TensorSplit::replicated};
  (column ? op.parameters.tensor : op.parameters.replicated) = part.outputs * rank;
  op.saved.push_back(kept("adapter", static_cast<double>(rank),
                          column ? SavedSplit::replicated : SavedSplit::sequence));
  return op;
}

// Scaling (read, written) and the sum (two read, one written); backward the
// gradient is scaled.
Op sum_op(const Op& base, const AdaptedPart& part) {
  const bool column = base.split == TensorSplit::column;
  return {.name = fmt::format("{}.{}_lora_sum", base.name, to_text(part.target)),
          .work = MemoryWork{.op = MemoryOp::add,
                             .width = static_cast<double>(part.outputs),
                             .forward = {2, 5.0},
                             .backward = {1, 2.0}},
          .rows = base.rows,
          .split = column ? TensorSplit::column : TensorSplit::replicated};
}

// The gradients of the input are added up, on the rank's share of it: all of it
// beside split outputs, a part beside split inputs.
Op input_sum_op(const Op& base, const AdaptedPart& part) {
  TensorSplit split = TensorSplit::replicated;
  if (base.split == TensorSplit::column) split = TensorSplit::row;
  if (base.split == TensorSplit::row) split = TensorSplit::column;
  return {.name = fmt::format("{}.{}_lora_input_sum", base.name, to_text(part.target)),
          .work = MemoryWork{.op = MemoryOp::add,
                             .width = static_cast<double>(std::get<LinearWork>(base.work).inputs),
                             .forward = {0, 0.0},
                             .backward = {1, 3.0}},
          .rows = base.rows,
          .split = split};
}

bool has_matrix(const Op& op) {
  return std::holds_alternative<LinearWork>(op.work) || std::holds_alternative<MoeWork>(op.work);
}

// What only the gradient of the weights needs is not kept.
void forget_inputs(Op& op) {
  if (ends_with(op.name, "attention.output") || ends_with(op.name, ".core")) {
    // The backward pass of fused attention reads its own output.
    for (SavedTensor& tensor : op.saved) {
      if (tensor.condition == SavedIf::always) tensor.condition = SavedIf::fused_attention;
    }
    return;
  }
  std::erase_if(op.saved, [](const SavedTensor& tensor) {
    return ends_with(tensor.name, "input") && tensor.scope != SavedScope::layer_input;
  });
}

void freeze(Op& op, double stored) {
  if (op.parameters.total() == 0) return;
  op.learning = Learning::frozen;
  if (has_matrix(op)) op.stored_bytes = stored;
}

Block frozen(const Block& block, const FineTuning& tuning) {
  Block out = block;
  out.gradients = GradientFlow::none;
  for (Op& op : out.ops) {
    freeze(op, is_layer(block) ? bytes_of(tuning.base) : 0.0);
    op.saved.clear();
  }
  return out;
}

// A frozen block with adapters (of a layer), whose gradients flow through.
Block adapted(const Block& block, const FineTuning& tuning) {
  Block out = block;
  out.ops.clear();
  for (const Op& given : block.ops) {
    Op base = given;
    freeze(base, is_layer(block) ? bytes_of(tuning.base) : 0.0);
    std::vector<AdaptedPart> parts = is_layer(block) ? parts_of(base) : std::vector<AdaptedPart>{};
    std::erase_if(parts, [&](const AdaptedPart& part) { return !is_target(tuning, part.target); });
    if (parts.empty() && has_matrix(base)) forget_inputs(base);
    base.adapted = !parts.empty() ? Adapted::yes : Adapted::no;
    out.ops.push_back(base);
    for (const AdaptedPart& part : parts) {
      out.ops.push_back(down_op(base, part, tuning.rank));
      out.ops.push_back(up_op(base, part, tuning.rank));
      out.ops.push_back(sum_op(base, part));
      out.ops.push_back(input_sum_op(base, part));
    }
  }
  return out;
}

std::vector<std::size_t> layer_positions(const Network& network) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < network.order.size(); ++i) {
    if (is_layer(network.at(i))) out.push_back(i);
  }
  return out;
}

std::optional<std::string> targets_missing(const Network& network, const FineTuning& tuning) {
  if (tuning.targets.empty()) return "fine-tuning with lora needs at least one target";
  for (const AdapterTarget target : tuning.targets) {
    bool found = false;
    for (const Block& block : network.blocks) {
      if (!is_layer(block)) continue;
      for (const Op& op : block.ops) {
        for (const AdaptedPart& part : parts_of(op)) found = found || part.target == target;
      }
    }
    if (!found) {
      return fmt::format("{} has no matrix `{}` that an adapter could stand beside", network.name,
                         to_text(target));
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_text(AdapterTarget target) {
  switch (target) {
    case AdapterTarget::query:
      return "query";
    case AdapterTarget::key:
      return "key";
    case AdapterTarget::value:
      return "value";
    case AdapterTarget::output:
      return "output";
    case AdapterTarget::gate:
      return "gate";
    case AdapterTarget::up:
      return "up";
    case AdapterTarget::down:
      return "down";
  }
  return "";
}

double bytes_of(BaseFormat format) {
  switch (format) {
    case BaseFormat::same:
      return 0.0;
    case BaseFormat::int8:
      return 1.0;
    case BaseFormat::nf4:
      return kNf4Bits / 8.0;
  }
  return 0.0;
}

std::optional<std::string> fine_tuning_infeasible(const Network& network,
                                                  const FineTuning& tuning) {
  if (tuning.method == FineTuningMethod::full) return std::nullopt;
  const auto layers = static_cast<std::int64_t>(layer_positions(network).size());
  if (layers == 0) return fmt::format("{} has no layers to fine-tune", network.name);
  if (tuning.layers > layers) {
    return fmt::format("fine-tuning of the last {} layers of {}, which has {}", tuning.layers,
                       network.name, layers);
  }
  return tuning.method == FineTuningMethod::lora ? targets_missing(network, tuning) : std::nullopt;
}

Network fine_tuned(const Network& network, const FineTuning& tuning) {
  if (tuning.method == FineTuningMethod::full) return network;
  base::expects(!fine_tuning_infeasible(network, tuning), "a network that can be tuned so");
  const std::vector<std::size_t> layers = layer_positions(network);
  const std::size_t count =
      tuning.layers == 0 ? layers.size() : static_cast<std::size_t>(tuning.layers);
  const std::size_t first = layers[layers.size() - count];
  const bool lora = tuning.method == FineTuningMethod::lora;
  Network out = network;
  // Each block at most twice: before the first trained layer, and from there
  // on.
  const std::size_t blocks = network.blocks.size();
  std::vector<std::size_t> before(blocks, blocks * 2), after(blocks, blocks * 2);
  out.blocks.clear();
  for (std::size_t i = 0; i < network.order.size(); ++i) {
    const std::size_t index = network.order[i];
    std::size_t& made = (i < first ? before : after)[index];
    if (made == blocks * 2) {
      made = out.blocks.size();
      const Block& block = network.blocks[index];
      out.blocks.push_back(i < first ? frozen(block, tuning)
                           : lora    ? adapted(block, tuning)
                                     : block);
    }
    out.order[i] = made;
  }
  return out;
}

}  // namespace windtunnel::models

#include "strategies/serve/step/engine_memory.hpp"

#include <algorithm>
#include <cmath>
#include <variant>

#include "models/networks/counts.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using models::NumberFormat;
using models::Op;

// Matrices of layers are stored in the format of the products; embeddings, head, norms and routers
// at 16 bits.
double bytes_of(const Op& op, NumberFormat format) {
  const auto* linear = std::get_if<models::LinearWork>(&op.work);
  const bool narrow = (linear != nullptr && !linear->head) ||
                      std::holds_alternative<models::MoeWork>(op.work) ||
                      std::holds_alternative<models::ConvolutionWork>(op.work);
  return narrow ? models::weight_bytes(format)
                : std::max(2.0, models::weight_bytes(NumberFormat::bf16));
}

double block_bytes(const models::Block& block, const EngineShape& shape, NumberFormat format) {
  double sum = 0;
  for (const Op& op : block.ops) {
    const bool linear = std::holds_alternative<models::LinearWork>(op.work);
    sum += models::parameters_on_rank(op, shape.layout).total() * bytes_of(op, format) *
           (linear ? shape.weight_share : 1.0);
  }
  return sum;
}

// Elements a token has in the widest tensors of a layer on one rank.
double widest(const models::Network& network, const models::Layout& layout) {
  double most = 0;
  for (const models::Block& block : network.blocks) {
    if (block.role != models::BlockRole::layer) continue;
    for (const Op& op : block.ops) {
      double width = 0;
      if (const auto* linear = std::get_if<models::LinearWork>(&op.work)) {
        width = static_cast<double>(linear->outputs);
        if (op.split == models::TensorSplit::column) width /= static_cast<double>(layout.tensor);
      } else if (const auto* moe = std::get_if<models::MoeWork>(&op.work)) {
        width = static_cast<double>(moe->top_k * (2 * moe->intermediate + moe->hidden)) /
                static_cast<double>(layout.expert * layout.expert_tensor);
      }
      most = std::max(most, width);
    }
  }
  return most + 2.0 * static_cast<double>(network.hidden);
}

double vocabulary(const models::Network& network) {
  for (const models::Block& block : network.blocks) {
    for (const Op& op : block.ops) {
      const auto* linear = std::get_if<models::LinearWork>(&op.work);
      if (linear != nullptr && block.role == models::BlockRole::head)
        return static_cast<double>(linear->outputs);
    }
  }
  return 0.0;
}

}  // namespace

Bytes weight_bytes(const models::Network& network, const EngineShape& shape, NumberFormat format) {
  double layers = 0, ends = 0;
  for (const std::size_t index : network.order) {
    const models::Block& block = network.blocks[index];
    (block.role == models::BlockRole::layer ? layers : ends) += block_bytes(block, shape, format);
  }
  const double stages = static_cast<double>(shape.stages);
  return Bytes(layers * shape.kept_layers / stages + (shape.stages > 1 ? ends / 2.0 : ends));
}

EngineMemory engine_memory(const models::Network& network, const EngineShape& shape,
                           const ServeStrategy& strategy, const sim::Gpu& gpu,
                           const EngineStack& stack) {
  EngineMemory out;
  const std::int64_t gpus = shape.layout.tensor * shape.stages * shape.data_ranks;
  out.weights = weight_bytes(network, shape, strategy.precision);
  const double tokens = static_cast<double>(strategy.batching.max_tokens);
  const double logits =
      2.0 * 4.0 * vocabulary(network) * static_cast<double>(strategy.batching.max_batch);
  out.activation_peak = Bytes(stack.activation_copies * 2.0 * std::min(tokens, 65'536.0) *
                                  widest(network, shape.layout) +
                              std::min(logits, 4e9));
  out.context = stack.context;
  out.graphs = stack.graphs;
  out.communication = gpus > 1 ? stack.group : Bytes(0);
  const Bytes taken =
      out.weights + out.activation_peak + out.context + out.graphs + out.communication;
  const bool of_gpu = stack.share == MemoryShare::of_gpu;
  out.capacity = of_gpu ? gpu.memory * strategy.kv.memory_fraction : gpu.memory;
  const Bytes room = base::max(Bytes(0), out.capacity - taken);
  out.kv = of_gpu ? room : room * strategy.kv.memory_fraction;
  const std::int64_t length = std::max<std::int64_t>(1, shape.typical_length);
  out.kv_token = models::kv_cache_bytes(network, length, shape.layout, strategy.kv_precision) /
                 static_cast<double>(length) * shape.kept_layers /
                 static_cast<double>(shape.stages);
  const double block = out.kv_token.value() * static_cast<double>(strategy.kv.block);
  if (strategy.kv.blocks > 0) {
    out.blocks = strategy.kv.blocks;
  } else if (out.kv.value() > 0) {
    // A network of scans alone keeps nothing that grows: its state decides, and it is small.
    out.blocks = block > 0 ? static_cast<std::int64_t>(std::min(out.kv.value() / block, 4e9))
                           : std::int64_t{1} << 32;
  }
  return out;
}

}  // namespace windtunnel::strategies

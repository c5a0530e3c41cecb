#include "strategies/train/scratch_memory.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "models/networks/counts.hpp"
#include "models/networks/layout.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using models::LinearWork;
using models::MoeWork;
using models::Op;

constexpr double kGiB = 1073741824.0;
constexpr Bytes kInNode{0.25 * kGiB};
constexpr Bytes kBetweenNodes{0.5 * kGiB};
constexpr double kPlaceholderBytes = 2.0;

const Op* logits_of(const models::Block& head) {
  for (const Op& op : head.ops) {
    const auto* work = std::get_if<LinearWork>(&op.work);
    if (work != nullptr && work->head && op.rows.basis == models::RowBasis::loss_token) return &op;
  }
  return nullptr;
}

using Shape = std::pair<std::int64_t, std::int64_t>;

// Shapes of an op's matrices on one rank.
std::vector<Shape> shapes_of(const Op& op, const models::Layout& layout) {
  if (op.learning == models::Learning::frozen) return {};
  if (const auto* linear = std::get_if<LinearWork>(&op.work)) {
    if (op.parameters.tensor == 0) return {{linear->inputs, linear->outputs}};
    return op.split == models::TensorSplit::row
               ? std::vector<Shape>{{linear->inputs / layout.tensor, linear->outputs}}
               : std::vector<Shape>{{linear->inputs, linear->outputs / layout.tensor}};
  }
  if (const auto* moe = std::get_if<MoeWork>(&op.work)) {
    const std::int64_t inner = moe->intermediate / layout.expert_tensor;
    const std::int64_t up = moe->mlp == models::ExpertMlp::gated ? 2 : 1;
    return {{moe->hidden, up * inner}, {inner, moe->hidden}};
  }
  return {};
}

double elements(const Shape& shape) {
  return static_cast<double>(shape.first) * static_cast<double>(shape.second);
}

double root_weights(const models::Network& network, const models::Layout& layout, double stored) {
  return models::weight_bytes_on_rank(network.blocks[network.order.front()], layout, stored)
             .total() +
         models::weight_bytes_on_rank(network.blocks[network.order.back()], layout, stored).total();
}

bool has_head(const std::vector<ChunkOfModel>& chunks) {
  return std::any_of(chunks.begin(), chunks.end(),
                     [](const ChunkOfModel& chunk) { return chunk.head; });
}

}  // namespace

const models::Block& ScratchMemory::layer(const ChunkOfModel& chunk, std::int64_t i) const {
  return network_.at(static_cast<std::size_t>(chunk.first_layer + i + 1));
}

Bytes ScratchMemory::gathered(const std::vector<ChunkOfModel>& chunks) const {
  if (plan_.job.strategy.zero != ZeroLevel::weights) return Bytes(0);
  const models::Layout& layout = plan_.lowering.layout;
  const double stored = models::element_bytes(plan_.lowering.formats);
  double largest = 0.0;
  for (const ChunkOfModel& chunk : chunks) {
    for (std::int64_t i = 0; i < chunk.layers; ++i) {
      largest =
          std::max(largest, models::weight_bytes_on_rank(layer(chunk, i), layout, stored).total());
    }
  }
  if (conventions_.live_parameters > 0) {
    return Bytes(std::min(2 * largest, conventions_.live_parameters * stored));
  }
  if (conventions_.shard != Shard::master_alone) return Bytes(2 * largest);
  const double root = root_weights(network_, layout, stored);
  const double head =
      network_.shared_parameters > 0
          ? root
          : models::weight_bytes_on_rank(network_.blocks[network_.order.back()], layout, stored)
                .total();
  const double reduced = models::weight_bytes(plan_.job.strategy.gradient_precision) / stored;
  return Bytes(2 * largest + root + head + largest * (1.0 + reduced));
}

Bytes ScratchMemory::logits() const {
  const Op* op = logits_of(network_.blocks[network_.order.back()]);
  if (op == nullptr) return Bytes(0);
  const double kept = plan_.lowering.software.cross_entropy == models::Form::fused ? 2.0 : 4.0;
  const auto rows = static_cast<double>(
      models::rows_on_rank(*op, plan_.micro_batch, plan_.lowering.layout, models::Mode::training));
  const double width = static_cast<double>(std::get<LinearWork>(op->work).outputs) /
                       static_cast<double>(plan_.lowering.layout.tensor);
  return Bytes(std::max(0.0, conventions_.logit - kept) * rows * width);
}

Bytes ScratchMemory::placeholders(const std::vector<ChunkOfModel>& chunks) const {
  if (conventions_.placeholders == Placeholders::none ||
      plan_.job.strategy.zero == ZeroLevel::weights) {
    return Bytes(0);
  }
  const models::Layout& layout = plan_.lowering.layout;
  std::set<Shape> shapes;
  for (const ChunkOfModel& chunk : chunks) {
    for (std::int64_t i = 0; i < chunk.layers; ++i) {
      for (const Op& op : layer(chunk, i).ops) {
        for (const Shape& shape : shapes_of(op, layout)) shapes.insert(shape);
      }
    }
  }
  double sum = 0.0;
  for (const Shape& shape : shapes) sum += elements(shape);
  const Op* head = logits_of(network_.blocks[network_.order.back()]);
  if (has_head(chunks) && head != nullptr && head->learning == models::Learning::trained) {
    const auto& work = std::get<LinearWork>(head->work);
    sum += elements({work.inputs, work.outputs / layout.tensor});
  }
  return Bytes(sum * kPlaceholderBytes);
}

Bytes ScratchMemory::streams() const {
  const models::Layout& layout = plan_.lowering.layout;
  const models::BatchShape& batch = plan_.micro_batch;
  const double tokens = static_cast<double>(batch.sequences) *
                        static_cast<double>(std::max(batch.query_tokens, batch.encoder_tokens)) /
                        static_cast<double>(layout.context);
  const bool shared = layout.sequence == models::SequenceParallel::on && layout.tensor > 1;
  return Bytes((shared ? 2.0 : 1.0) * tokens * static_cast<double>(network_.hidden) *
               models::element_bytes(plan_.lowering.formats));
}

Bytes ScratchMemory::new_gradient(const std::vector<ChunkOfModel>& chunks, Bytes kept) const {
  if (plan_.job.strategy.zero == ZeroLevel::weights) return Bytes(0);
  const models::Layout& layout = plan_.lowering.layout;
  const double stored = models::element_bytes(plan_.lowering.formats);
  double largest = 0.0;
  const auto of_block = [&](const models::Block& block) {
    double most = 0.0;
    for (const Op& op : block.ops) {
      if (op.learning == models::Learning::frozen) continue;
      most = std::max(most, models::parameters_on_rank(op, layout).dense * stored);
    }
    return most;
  };
  for (const ChunkOfModel& chunk : chunks) {
    if (chunk.embedding) {
      largest = std::max(largest, of_block(network_.blocks[network_.order.front()]) - kept.value());
    }
    if (plan_.stack.accumulation == Accumulation::fused) continue;
    if (chunk.layers > 0) largest = std::max(largest, of_block(layer(chunk, 0)));
    if (chunk.head) largest = std::max(largest, of_block(network_.blocks[network_.order.back()]));
  }
  return Bytes(largest);
}

Bytes ScratchMemory::of(const std::vector<ChunkOfModel>& chunks, Bytes kept) const {
  Bytes sum = conventions_.scratch + gathered(chunks) + placeholders(chunks) + streams() +
              new_gradient(chunks, kept);
  if (has_head(chunks)) sum += logits();
  return sum;
}

Bytes communicator_bytes(const TrainPlan& plan, Groups groups) {
  if (plan.gpus <= 1) return Bytes(0);
  const ParallelSizes& s = plan.job.strategy.sizes;
  const Bytes wide = plan.layout.nodes() > 1 ? kBetweenNodes : kInNode;
  const double times = groups == Groups::deepspeed ? 2.0 : 1.0;
  Bytes sum = wide;  // all ranks
  if (s.tensor > 1) sum += kInNode * times;
  for (const std::int64_t size : {s.context, s.data, s.expert}) {
    if (size > 1) sum += wide * times;
  }
  if (s.pipeline > 1) sum += wide * (groups == Groups::deepspeed ? times + 4.0 : 1.0);
  return sum;
}

}  // namespace windtunnel::strategies

#include "strategies/serve/step/engine_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <variant>

#include "models/networks/counts.hpp"
#include "strategies/serve/length_draw.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
constexpr double kReservedShare = 0.01;
constexpr double kReserved = 0.2 * kGiB;

double real(std::int64_t value) {
  return static_cast<double>(value);
}

double bytes_an_element(const models::Op& op, const RankOptions& options) {
  if (std::holds_alternative<models::MoeWork>(op.work)) {
    return models::weight_bytes(options.formats.experts);
  }
  const auto* linear = std::get_if<models::LinearWork>(&op.work);
  if (linear == nullptr || linear->head) return models::element_bytes(options.formats);
  const double dense = models::weight_bytes(options.formats.linear);
  // Half the elements, two bits each to say which.
  return options.sparsity == Sparsity::two_four ? 0.5 * (dense + 0.25) : dense;
}

double block_weights(const models::Block& block, const models::Layout& ranks,
                     const RankOptions& options) {
  double bytes = 0;
  for (const models::Op& op : block.ops) {
    bytes += models::parameters_on_rank(op, ranks).total() * bytes_an_element(op, options);
  }
  return bytes;
}

double stage_kv(const models::Network& network, const EngineLayout& layout,
                const StageBlocks& stage, const RankOptions& options, double sequence) {
  const auto length = static_cast<std::int64_t>(std::llround(std::max(1.0, sequence)));
  double bytes = 0;
  for (const BlockCount& use : stage.blocks) {
    bytes += real(use.count) * models::kv_cache_bytes(network.blocks[use.block], length,
                                                      layout.ranks, options.formats.kv_cache)
                                   .value();
  }
  return bytes / real(length);
}

// States of scans of one sequence, FP32, on the stage's rank.
double stage_states(const models::Network& network, const EngineLayout& layout,
                    const StageBlocks& stage) {
  double bytes = 0;
  for (const BlockCount& use : stage.blocks) {
    for (const models::Op& op : network.blocks[use.block].ops) {
      const auto* scan = std::get_if<models::ScanWork>(&op.work);
      if (scan == nullptr) continue;
      const double heads = real(models::ceil_div(scan->heads, layout.ranks.tensor));
      bytes += 4.0 * heads * real(scan->head_dim * scan->state) * real(use.count);
    }
  }
  return bytes;
}

// Elements a token that the widest layer of the network holds at once on a rank.
double widest_layer(const models::Network& network, const EngineLayout& layout) {
  double widest = 0;
  for (const models::Block& block : network.blocks) {
    if (block.role != models::BlockRole::layer) continue;
    for (const models::Op& op : block.ops) {
      if (const auto* linear = std::get_if<models::LinearWork>(&op.work)) {
        const bool column = op.split == models::TensorSplit::column;
        const bool row = op.split == models::TensorSplit::row;
        const double t = real(layout.ranks.tensor);
        widest = std::max(widest, real(linear->outputs) / (column ? t : 1.0) +
                                      real(linear->inputs) / (row ? t : 1.0));
      } else if (const auto* moe = std::get_if<models::MoeWork>(&op.work)) {
        const double share = real(moe->intermediate) / real(layout.ranks.expert_tensor);
        const double copies = real(moe->top_k) * real(layout.data) / real(layout.ranks.expert);
        widest = std::max(widest, std::max(1.0, copies) * (3.0 * share + real(moe->hidden)));
      }
    }
  }
  return widest;
}

double vocabulary(const models::Network& network) {
  for (const models::Block& block : network.blocks) {
    for (const models::Op& op : block.ops) {
      const auto* linear = std::get_if<models::LinearWork>(&op.work);
      if (linear != nullptr && op.split == models::TensorSplit::vocabulary) {
        return real(linear->outputs);
      }
    }
  }
  return 0;
}

double activation_peak(const MemoryQuestion& q) {
  const Batching& batching = q.job.strategy.batching;
  const double element = models::element_bytes(q.rank.formats);
  const double tokens = real(batching.max_tokens) * element *
                        (2.0 * real(q.network.hidden) + widest_layer(q.network, q.layout));
  const double logits = real(std::min(batching.max_batch, batching.max_tokens)) *
                        vocabulary(q.network) * q.stack.logit_bytes;
  // TensorRT-LLM keeps what its decoder works on beside what its layers do; with others one follows
  // the other.
  return q.stack.memory == MemoryRule::free ? tokens + logits : std::max(tokens, logits);
}

double graph_memory(const MemoryQuestion& q) {
  if (q.stack.graphs == GraphCapture::none) return 0;
  std::int64_t sizes = 0;
  const std::int64_t most = std::min(q.stack.largest_graph, q.job.strategy.batching.max_batch);
  for (std::int64_t n = 1; n <= most; n = graph_tokens(n + 1, q.stack.largest_graph)) {
    ++sizes;
    if (graph_tokens(n + 1, q.stack.largest_graph) <= n) break;
  }
  return real(sizes) * q.stack.graph_size.value();
}

double kv_memory(const EngineStack& stack, const EngineMemory& m, double visible, double fraction) {
  const double weights = m.weights.value(), activations = m.activation_peak.value();
  const double around = m.context.value() + m.communication.value();
  switch (stack.memory) {
    case MemoryRule::total:
      return fraction * visible - weights - activations - around;
    case MemoryRule::fixed_share:
      return fraction * (visible - around) - weights;
    case MemoryRule::free:
      return fraction * (visible - weights - activations - around - m.graphs.value());
  }
  return 0;
}

std::string gib(Bytes bytes) {
  return fmt::format("{:.1f} GiB", bytes.value() / kGiB);
}

std::string too_little(const MemoryQuestion& q, const EngineMemory& m, double visible) {
  return fmt::format(
      "{} does not fit: of {} of a {} ({} x memory_fraction {}), weights take {}, activations {}, "
      "context and communication {}; no KV block of {} tokens remains",
      q.network.name, gib(m.capacity), q.gpu.name, gib(Bytes(visible)),
      q.job.strategy.kv.memory_fraction, gib(m.weights), gib(m.activation_peak),
      gib(m.context + m.communication), q.job.strategy.kv.block);
}

struct KvNeeds {
  double token = 0;    // of the fullest stage's rank
  double request = 0;  // of all GPUs
  double states = 0;   // of one sequence
};

KvNeeds kv_needs(const models::Network& network, const EngineLayout& layout,
                 const MemoryQuestion& q) {
  KvNeeds needs;
  const double sequence = mean_sequence(q.job.workload);
  for (const StageBlocks& stage : layout.stages) {
    const double token = stage_kv(network, layout, stage, q.rank, sequence);
    needs.token = std::max(needs.token, token);
    needs.request += token * real(layout.ranks.tensor);
    needs.states = std::max(needs.states, stage_states(network, layout, stage));
  }
  return needs;
}

double mean_of_trace(const std::vector<Request>& trace) {
  double sum = 0;
  for (const Request& request : trace) sum += real(request.input_tokens + request.output_tokens);
  return trace.empty() ? 1.0 : sum / static_cast<double>(trace.size());
}

}  // namespace

Bytes visible_memory(const sim::Gpu& gpu) {
  return Bytes(std::max(0.0, gpu.memory.value() * (1.0 - kReservedShare) - kReserved));
}

double mean_sequence(const ServeWorkload& workload) {
  if (workload.trace) return std::max(1.0, mean_of_trace(*workload.trace));
  return std::max(1.0, mean_length(workload.input) + mean_length(workload.output));
}

Bytes weight_memory(const models::Network& network, const EngineLayout& layout,
                    const RankOptions& options) {
  double most = 0;
  for (const StageBlocks& stage : layout.stages) {
    double bytes = 0;
    for (const BlockCount& use : stage.blocks) {
      bytes += real(use.count) * block_weights(network.blocks[use.block], layout.ranks, options);
    }
    most = std::max(most, bytes);
  }
  return Bytes(most);
}

MemoryAnswer engine_memory(const MemoryQuestion& q) {
  MemoryAnswer answer;
  EngineMemory& m = answer.memory;
  const KvCache& kv = q.job.strategy.kv;
  const double visible = visible_memory(q.gpu).value();
  m.capacity = Bytes(visible * kv.memory_fraction);
  m.weights = weight_memory(q.network, q.layout, q.rank);
  KvNeeds needs = kv_needs(q.network, q.layout, q);
  if (q.draft != nullptr && q.draft_layout != nullptr) {
    m.weights += weight_memory(*q.draft, *q.draft_layout, q.rank);
    const KvNeeds more = kv_needs(*q.draft, *q.draft_layout, q);
    needs.token += more.token;
  }
  m.activation_peak = Bytes(activation_peak(q));
  m.graphs = Bytes(graph_memory(q));
  m.context = q.stack.context;
  m.communication = q.layout.gpus() > 1 ? q.stack.communicator : Bytes(0);
  const double states = needs.states * real(q.job.strategy.batching.max_batch);
  m.kv = Bytes(std::max(0.0, kv_memory(q.stack, m, visible, kv.memory_fraction) - states));
  m.kv_token = Bytes(needs.token);
  answer.kv_request_token = Bytes(needs.request);
  const double block = needs.token * real(kv.block);
  // Layers without a KV cache (all scans) hold as many tokens as anyone asks for.
  m.blocks = block > 0 ? static_cast<std::int64_t>(m.kv.value() / block)
                       : (m.kv.value() > 0 ? std::int64_t{1} << 40 : 0);
  if (kv.blocks > 0 && m.kv.value() > 0) m.blocks = kv.blocks;
  if (m.blocks < 1) answer.infeasible = too_little(q, m, visible);
  return answer;
}

}  // namespace windtunnel::strategies

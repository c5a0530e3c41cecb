#include "strategies/serve/step/llm_step_time.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <variant>

#include "models/kernels/power_limit.hpp"
#include "models/networks/exchanges.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;
using models::BatchShape;
using models::Mode;
using models::Op;

constexpr std::size_t kQuickTokens = 16'384;

collectives::Op op_of(models::ExchangeKind kind) {
  switch (kind) {
    case models::ExchangeKind::all_reduce:
      return collectives::Op::all_reduce;
    case models::ExchangeKind::all_gather:
      return collectives::Op::all_gather;
    case models::ExchangeKind::reduce_scatter:
      return collectives::Op::reduce_scatter;
    case models::ExchangeKind::all_to_all:
      return collectives::Op::all_to_all;
    case models::ExchangeKind::ring:
      return collectives::Op::send_recv;
  }
  return collectives::Op::send_recv;
}

// How much longer a product takes than its kernel alone, where power limits the
// clock.
template <class Query>
double slowed(const Query& query, const models::KernelTime& time, const sim::Gpu& gpu) {
  if constexpr (requires { query.format; }) {
    const Seconds least = models::flops(query) / models::sustained_rate(gpu, query.format);
    return std::max(1.0, least / time.time);
  }
  return 1.0;
}

}  // namespace

void LlmStepTime::Cost::add(const Cost& other, double count) {
  time += other.time * count;
  low += other.low * count;
  high += other.high * count;
  exchange += other.exchange * count;
  launches += static_cast<std::int64_t>(static_cast<double>(other.launches) * count);
}

LlmStepTime::LlmStepTime(const models::Network& network, const ServeSite& site, LlmEngine engine)
    : site_(site), engine_(std::move(engine)), clock_(site.cluster, site.links) {
  place_blocks(network);
  quick_tokens_.assign(kQuickTokens, nullptr);
  hop_bytes_ = static_cast<double>(network.hidden) * models::element_bytes(engine_.formats);
}

// Layers are spread evenly; the slowest stage has the most of them. Equal
// blocks once, with a count.
void LlmStepTime::place_blocks(const models::Network& network) {
  std::map<std::size_t, double> counts;
  for (const std::size_t index : network.order) counts[index] += 1;
  double layers = 0;
  for (const auto& [index, count] : counts) {
    if (network.blocks[index].role == models::BlockRole::layer) layers += count;
  }
  const double stages = static_cast<double>(engine_.stages);
  const double fullest = std::ceil(layers / stages) / std::max(1.0, layers);
  for (const auto& [index, count] : counts) {
    const models::Block& block = network.blocks[index];
    const bool layer = block.role == models::BlockRole::layer;
    const double kept = layer ? count * engine_.kept_layers : count;
    const Part part{&block, layer ? kept * fullest : (engine_.stages == 1 ? count : 0.0), count};
    (block.role == models::BlockRole::head ? heads_ : layers_).push_back(part);
  }
}

LlmStepTime::OpKind LlmStepTime::kind_of(const Op& op) {
  if (std::holds_alternative<models::AttentionWork>(op.work) ||
      std::holds_alternative<models::ScanWork>(op.work))
    return OpKind::sequence;
  const auto* linear = std::get_if<models::LinearWork>(&op.work);
  return linear != nullptr && linear->absorbed ? OpKind::sequence : OpKind::token;
}

LlmStepTime::Cost LlmStepTime::lowered(const Op& op, const BatchShape& batch, Mode mode) {
  const models::LoweringOptions options{.mode = mode,
                                        .formats = engine_.formats,
                                        .layout = engine_.layout,
                                        .expert_skew = engine_.expert_skew};
  models::Kernels kernels;
  models::lower(op, batch, options, models::Pass::forward, kernels);
  const bool sparse = std::holds_alternative<models::LinearWork>(op.work);
  Cost cost;
  for (const models::Kernel& kernel : kernels) {
    const double count = static_cast<double>(kernel.count);
    std::visit(
        [&](const auto& query) {
          const models::KernelTime time = site_.kernels.time(query);
          double factor = count * slowed(query, time, site_.cluster->node.gpu);
          if (sparse) factor /= engine_.linear_speedup;
          cost.time += time.time.value() * factor;
          cost.low += time.low.value() * factor;
          cost.high += time.high.value() * factor;
          const std::string ground(time.extrapolated ? "extrapolated"
                                                     : models::to_text(time.basis));
          grounds_[ground] += time.time.value() * factor;
        },
        kernel.query);
    cost.launches += kernel.count;
  }
  return cost;
}

GroupShape LlmStepTime::group(std::int64_t ranks) const {
  const std::int64_t node = std::max<std::int64_t>(1, std::min(ranks, engine_.gpus_per_node));
  return {.ranks = ranks, .nodes = (ranks + node - 1) / node, .gpus_per_node = node};
}

double LlmStepTime::exchange_time(const models::Exchange& exchange) {
  const bool tensor = exchange.group == models::ExchangeGroup::tensor;
  const std::int64_t ranks =
      tensor ? engine_.layout.tensor : engine_.layout.expert * engine_.layout.expert_tensor;
  if (ranks <= 1) return 0.0;
  const GroupShape shape = clock_.folded(group(ranks));
  double best = clock_.collective(op_of(exchange.kind), exchange.bytes, shape).time.value();
  if (exchange.kind == models::ExchangeKind::all_reduce && shape.nodes == 1) {
    const models::FusedAllReduceQuery own{.gpus = ranks, .bytes = exchange.bytes};
    best = std::min(best, site_.kernels.time(own).time.value());
  }
  return best * static_cast<double>(exchange.count);
}

LlmStepTime::Cost LlmStepTime::exchanged(const Op& op, const BatchShape& batch, Mode mode) {
  const models::LoweringOptions options{
      .mode = mode, .formats = engine_.formats, .layout = engine_.layout};
  std::vector<models::Exchange> exchanges;
  models::exchanges(op, batch, options, models::Pass::forward, exchanges);
  Cost cost;
  for (const models::Exchange& exchange : exchanges) {
    cost.exchange += exchange_time(exchange);
    cost.launches += exchange.count;
  }
  return cost;
}

const LlmStepTime::Both& LlmStepTime::token_cost(std::int64_t tokens) {
  const auto at = static_cast<std::size_t>(tokens);
  if (at < quick_tokens_.size() && quick_tokens_[at] != nullptr) return *quick_tokens_[at];
  auto [found, is_new] = tokens_.try_emplace(tokens);
  if (is_new) {
    const BatchShape batch{.sequences = 1, .query_tokens = std::max<std::int64_t>(1, tokens)};
    for (const Part& part : layers_) {
      Cost cost;
      for (const Op& op : part.block->ops) {
        if (kind_of(op) == OpKind::token) cost.add(lowered(op, batch, Mode::prefill));
        if (!std::holds_alternative<models::AttentionWork>(op.work))
          cost.add(exchanged(op, batch, Mode::prefill));
      }
      found->second.stage.add(cost, part.in_stage);
      found->second.all.add(cost, part.in_all);
    }
  }
  if (at < quick_tokens_.size()) quick_tokens_[at] = &found->second;
  return found->second;
}

const LlmStepTime::Both& LlmStepTime::head_cost(std::int64_t sequences) {
  auto [found, is_new] = sequences_.try_emplace(sequences);
  if (!is_new || sequences == 0) return found->second;
  const BatchShape batch{.sequences = sequences, .query_tokens = 1};
  for (const Part& part : heads_) {
    for (const Op& op : part.block->ops) {
      Cost cost = lowered(op, batch, Mode::decode);
      if (const auto* linear = std::get_if<models::LinearWork>(&op.work);
          linear != nullptr && linear->head && engine_.layout.tensor > 1) {
        // The logits of all ranks are gathered where the token is drawn.
        const double bytes = static_cast<double>(sequences * linear->outputs) * 2.0;
        cost.exchange += exchange_time({.kind = models::ExchangeKind::all_gather,
                                        .group = models::ExchangeGroup::tensor,
                                        .bytes = base::Bytes(bytes)});
      }
      found->second.stage.add(cost, part.in_stage);
      found->second.all.add(cost, part.in_all);
    }
  }
  return found->second;
}

LlmStepTime::Both LlmStepTime::attention_cost(const StepBatch& batch, std::int64_t decodes) {
  Both both;
  for (const Part& part : layers_) {
    for (const Op& op : part.block->ops) {
      if (kind_of(op) != OpKind::sequence) continue;
      Cost cost;
      for (const PromptChunk& chunk : batch.prompts) {
        const BatchShape shape{.sequences = 1,
                               .query_tokens = std::max<std::int64_t>(1, chunk.tokens),
                               .kv_tokens = chunk.cached + std::max<std::int64_t>(1, chunk.tokens)};
        cost.add(lowered(op, shape, Mode::prefill));
      }
      if (batch.decodes > 0) {
        const std::int64_t mean = std::max<std::int64_t>(1, batch.decode_kv / batch.decodes);
        const BatchShape shape{.sequences = decodes,
                               .query_tokens = batch.tokens_a_decode,
                               .kv_tokens = std::max(mean, batch.tokens_a_decode)};
        cost.add(lowered(op, shape, Mode::decode));
      }
      both.stage.add(cost, part.in_stage);
      both.all.add(cost, part.in_all);
    }
  }
  return both;
}

// The captured batch that a batch of decodes runs in.
std::int64_t LlmStepTime::captured(std::int64_t decodes) const {
  if (decodes <= 2) return decodes;
  if (decodes <= 4) return 4;
  const std::int64_t step = std::max<std::int64_t>(1, engine_.stack.graph_step);
  return (decodes + step - 1) / step * step;
}

LlmStepTime::Both LlmStepTime::device_cost(const StepBatch& batch, std::int64_t tokens,
                                           std::int64_t decodes) {
  std::int64_t sequences = decodes * batch.tokens_a_decode;
  for (const PromptChunk& chunk : batch.prompts) sequences += chunk.last ? 1 : 0;
  Both sum = token_cost(tokens);
  const Both& head = head_cost(sequences);
  const Both attention = attention_cost(batch, decodes);
  for (const Both* more : {&head, &attention}) {
    sum.stage.add(more->stage);
    sum.all.add(more->all);
  }
  // The last stage has the head beside its layers.
  if (engine_.stages > 1) {
    const double head_time = head.all.time + head.all.exchange;
    const double layers = sum.stage.time + sum.stage.exchange;
    if (head_time > 0.5 * layers) sum.stage.add(head.all);
  }
  return sum;
}

StepTime LlmStepTime::assemble(const Both& device, const StepBatch& batch, bool graph) {
  const EngineStack& stack = engine_.stack;
  const double sequences =
      static_cast<double>(batch.decodes + static_cast<std::int64_t>(batch.prompts.size()));
  const double host = stack.gap.value() + stack.sequence_gap.value() * sequences;
  const auto device_time = [&](const Cost& cost) {
    const double kernels = cost.time + cost.exchange;
    return graph ? kernels
                 : std::max(kernels, static_cast<double>(cost.launches) * stack.launch.value());
  };
  const auto step = [&](double busy) {
    return stack.host == HostWork::between ? busy + host : std::max(busy, host);
  };
  const double stage = device_time(device.stage);
  const double all = engine_.stages > 1 ? device_time(device.all) : stage;
  double hops = 0;
  if (engine_.stages > 1) {
    const bool far = engine_.layout.tensor * engine_.stages > engine_.gpus_per_node;
    hops = static_cast<double>(engine_.stages - 1) *
           clock_.message(base::Bytes(hop_bytes_ * static_cast<double>(batch.tokens())), far, 1)
               .time.value();
  }
  return {.total = Seconds(step(stage)),
          .latency = Seconds(std::max(step(all + hops), step(stage))),
          .device = Seconds(stage)};
}

StepTime LlmStepTime::time(const StepBatch& batch) {
  base::expects(!batch.empty(), "a step has a prompt or a decode");
  const bool graph = batch.prompts.empty() && batch.decodes <= engine_.stack.graph_batch;
  const std::int64_t decodes = graph ? captured(batch.decodes) : batch.decodes;
  const std::int64_t tokens = batch.prompt_tokens() + decodes * batch.tokens_a_decode;
  const Both device = device_cost(batch, tokens, decodes);
  sum_ += device.stage.time;
  low_ += device.stage.low;
  high_ += device.stage.high;
  return assemble(device, batch, graph);
}

// Attention of each rank, and experts over the tokens of all of them: every
// rank runs the rows of the mean, the fullest rank decides the rest.
StepTime LlmStepTime::time(const std::vector<StepBatch>& ranks) {
  const StepBatch* fullest = nullptr;
  std::int64_t most = -1;
  for (const StepBatch& rank : ranks) {
    if (rank.empty()) continue;
    const std::int64_t load = rank.tokens() * 1'000'000 + rank.decode_kv / 64;
    if (load > most) {
      most = load;
      fullest = &rank;
    }
  }
  base::expects(fullest != nullptr, "a step has a prompt or a decode on some rank");
  return time(*fullest);
}

double LlmStepTime::low_factor() const {
  return sum_ > 0 ? low_ / sum_ : 1.0;
}
double LlmStepTime::high_factor() const {
  return sum_ > 0 ? high_ / sum_ : 1.0;
}

std::map<std::string, Seconds> LlmStepTime::parts(const StepBatch& batch) {
  const Both& token = token_cost(batch.tokens());
  const Both attention = attention_cost(batch, batch.decodes);
  const Both& head = head_cost(batch.decodes);
  return {{"linear and experts", Seconds(token.stage.time)},
          {"attention", Seconds(attention.stage.time)},
          {"head", Seconds(head.stage.time)},
          {"exchanges", Seconds(token.stage.exchange + head.stage.exchange)}};
}

}  // namespace windtunnel::strategies

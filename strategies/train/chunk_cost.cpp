#include "strategies/train/chunk_cost.hpp"

#include <algorithm>

#include "models/networks/activation_memory.hpp"
#include "models/networks/counts.hpp"

namespace windtunnel::strategies {

using base::Bytes;
using base::Seconds;
using collectives::Op;

Seconds ChunkCost::device_forward() const {
  return forward.compute() + forward.exchanges() + gather_forward + offload_forward;
}

Seconds ChunkCost::device_backward() const {
  return input.compute() + input.exchanges() + weight.compute() + weight.exchanges() +
         gather_backward + offload_backward;
}

PassCosts ChunkCost::passes() const {
  const Seconds whole = duration_backward();
  const Seconds device = device_backward();
  const double share = device.value() > 0 ? (weight.compute() + weight.exchanges()) / device : 0.0;
  return {.forward = duration_forward(),
          .backward_input = whole * (1.0 - share),
          .backward_weight = whole * share};
}

ChunkCosts::ChunkCosts(const models::Network& network, const models::BatchShape& batch,
                       const models::LoweringOptions& options, const PassSite& site)
    : network_(network), batch_(batch), options_(options), site_(site) {}

const ChunkCosts::BlockPasses& ChunkCosts::block(std::size_t index, models::Recompute recompute) {
  const std::pair key{index, recompute};
  const auto known = known_.find(key);
  if (known != known_.end()) return known->second;
  const models::Block& one = network_.blocks[index];
  BlockPasses passes;
  passes.forward = pass_cost(one, batch_, options_, models::Pass::forward, site_);
  passes.input = pass_cost(one, batch_, options_, models::Pass::input_gradient, site_);
  passes.weight = pass_cost(one, batch_, options_, models::Pass::weight_gradient, site_);
  passes.again = recomputation_cost(one, batch_, options_, recompute, site_);
  const models::RankParameters trained = models::trainable_on_rank(one, options_.layout);
  passes.dense = trained.dense;
  passes.expert = trained.expert;
  return known_.emplace(key, std::move(passes)).first->second;
}

namespace {

// A share of a pass's exchanges runs while the products of the other half of the backward pass do.
void hide_tensor(double share, const PassSite& site, PassCost& exchanging, PassCost& computing) {
  const Seconds exchange = exchanging.tensor.time;
  Interval& gemm = computing.kernels[static_cast<std::size_t>(KernelKind::gemm)];
  const Seconds hidden = base::min(exchange * share, gemm.time);
  if (hidden.value() <= 0) return;
  const double left = 1.0 - hidden / exchange;
  exchanging.tensor.time *= left;
  exchanging.tensor.low *= left;
  exchanging.tensor.high *= left;
  exchanging.tensor.far *= left;
  const double slowdown =
      site.kernels.slowdown({models::KernelClass::gemm, models::Background::collective});
  const Seconds slowed = hidden * (slowdown - 1.0);
  gemm.add(slowed, Seconds(0), slowed * 2.0, 1.0);
}

// TensorBackward::beside_weights. With sequence parallelism half of the exchanges of the input's
// gradient are those of column-split layers, which scatter it beside the gradient of the weights; the
// input that this needs is gathered beside the gradient of the input before.
void hide_backward(models::SequenceParallel sequence, const PassSite& site, PassCost& input,
                   PassCost& weight) {
  if (sequence == models::SequenceParallel::off) return hide_tensor(1.0, site, input, weight);
  hide_tensor(0.5, site, input, weight);
  hide_tensor(1.0, site, weight, input);
}

CommunicationTime at_most(base::BytesPerSecond rate, CommunicationTime exchange) {
  if (rate.value() <= 0) return exchange;
  const double slower = std::max(1.0, exchange.far / rate / exchange.time);
  exchange.time *= slower;
  exchange.low *= slower;
  exchange.high *= slower;
  return exchange;
}

void add_accumulation(double bytes, const PassSite& site, PassCost& to) {
  if (bytes <= 0.0) return;
  const models::MemoryQuery adding{.op = models::MemoryOp::add, .bytes = base::Bytes(bytes)};
  const models::KernelTime time = site.kernels.time(adding);
  to.kernels[static_cast<std::size_t>(KernelKind::memory)].add(time.time, time.low, time.high, 1.0);
  to.by_basis[static_cast<std::size_t>(time.basis)] += time.time;
  to.bytes += adding.bytes;
}

}  // namespace

namespace {

// Of the shards of a layer in a compiled loop of layers, what its scheduler hides. 0.85 to 1: MaxText's
// published steps ask for less and PaxML's for more, and both leave their recomputation open.
constexpr double kLoopHides = 0.95;

// What products lose to messages of shards beside them, as to those of gradients.
void slow_products(Seconds hidden, const PassSite& site, PassCost& pass) {
  if (hidden.value() <= 0) return;
  const double slowdown =
      site.kernels.slowdown({models::KernelClass::gemm, models::Background::collective});
  const Seconds slowed = hidden * (slowdown - 1.0);
  pass.kernels[static_cast<std::size_t>(KernelKind::gemm)].add(slowed, Seconds(0), slowed * 2.0,
                                                               1.0);
}

// What is left of an exchange of shards beside the computation of its block.
Seconds exposed(Seconds exchange, Seconds compute, WeightGather gather) {
  const double hideable = gather == WeightGather::overlapped     ? 1.0
                          : gather == WeightGather::within_layer ? kLoopHides
                                                                 : 0.0;
  return exchange - base::min(exchange * hideable, compute);
}

// Of the exchanges of a pair of micro-batches, what their schedule can hide: the first of each side
// waits, and streams meet. 0.8 to 1.
constexpr double kPairHides = 0.9;

// Of products beside tokens on their way: a dispatcher takes more multiprocessors than a collective.
double slowdown_beside_tokens(const PassSite& site) {
  const double beside =
      site.kernels.slowdown({models::KernelClass::gemm, models::Background::collective});
  const auto all = static_cast<double>(site.gpu.streaming_multiprocessors);
  if (site.stack.experts != ExpertSends::per_node || all < 2.0 * kDispatchMultiprocessors) {
    return beside;
  }
  return std::max(beside, all / (all - kDispatchMultiprocessors));
}

void hide_experts(ChunkCost& chunk, const PassSite& site) {
  const Seconds exchange = chunk.forward.expert.time + chunk.input.expert.time;
  if (exchange.value() <= 0) return;
  const Seconds compute = chunk.forward.compute() + chunk.input.compute() + chunk.weight.compute();
  const double left = 1.0 - base::min(exchange * kPairHides, compute) / exchange;
  const double slowdown = slowdown_beside_tokens(site);
  for (PassCost* pass : {&chunk.forward, &chunk.input}) {
    Interval& products = pass->kernels[static_cast<std::size_t>(KernelKind::moe)];
    const Seconds slowed = pass->expert.time * ((1.0 - left) * (slowdown - 1.0));
    products.add(slowed, Seconds(0), slowed * 2.0, 1.0);
    pass->expert.time *= left;
    pass->expert.low *= left;
    pass->expert.high *= left;
    pass->expert.far *= left;
  }
}

}  // namespace

// Sharded weights (ZeRO-3, FSDP): a block's weights are gathered while the block before it computes,
// its gradients are scattered while the next does; what does not fit behind is waited for, what does
// slows the products beside it.
void ChunkCosts::add_block(std::size_t index, models::Recompute recompute, const Choices& choices,
                           ChunkCost& out) {
  const BlockPasses& passes = block(index, recompute);
  out.forward.add(passes.forward);
  PassCost input = passes.input, weight = passes.weight;
  if (choices.stack.tensor_backward == TensorBackward::beside_weights) {
    hide_backward(options_.layout.sequence, site_, input, weight);
  }
  out.input.add(input);
  out.input.add(passes.again);
  out.again.add(passes.again);
  out.weight.add(weight);
  add_accumulation((passes.dense + passes.expert) * choices.accumulation_bytes, site_, out.weight);
  out.parameters_dense += passes.dense;
  out.parameters_expert += passes.expert;
  const bool waits = choices.exchanges == PassExchanges::waited_for;
  const auto lasting = [waits](const PassCost& pass) {
    return waits ? pass.compute() + pass.exchanges() : pass.compute();
  };
  const Seconds forward = lasting(passes.forward);
  const Seconds backward = lasting(passes.input) + lasting(passes.again) + lasting(passes.weight);
  if (choices.offload.value() > 0) {
    const Seconds moving =
        models::activation_memory(network_.blocks[index], batch_, options_, recompute) /
        choices.offload;
    out.offload_forward += base::max(moving - forward, Seconds(0));
    out.offload_backward += base::max(moving - backward, Seconds(0));
  }
  if (choices.gather.ranks <= 1) return;
  const models::Block& one = network_.blocks[index];
  const Bytes held(
      models::weight_bytes_on_rank(one, options_.layout, choices.gather_bytes).total());
  const Bytes trained((passes.dense + passes.expert) * choices.reduce_bytes);
  const CommunicationTime gathering =
      at_most(choices.gather_rate, site_.clock.collective(Op::all_gather, held, choices.gather));
  out.shards_forward.time += gathering.time;
  out.shards_forward.far += gathering.far;
  const Seconds waited = exposed(gathering.time, forward, choices.stack.gather);
  out.gather_forward += waited;
  slow_products(gathering.time - waited, site_, out.forward);
  out.forward.launches += 1;
  if (one.gradients == models::GradientFlow::none) return;
  CommunicationTime scattering{};
  if (trained.value() > 0) {
    scattering = at_most(choices.gather_rate,
                         site_.clock.collective(Op::reduce_scatter, trained, choices.gather));
    const CommunicationTime adding = site_.clock.collective(
        Op::all_reduce, trained / static_cast<double>(choices.gather.ranks), choices.copies);
    scattering.time += adding.time;
    scattering.far += adding.far;
  }
  const Seconds gather = gathering.time, scatter = scattering.time;
  out.shards_backward.time += gather + scatter;
  out.shards_backward.far += gathering.far + scattering.far;
  const Seconds left = exposed(gather + scatter, backward, choices.stack.gather);
  out.gather_backward += left;
  slow_products(gather + scatter - left, site_, out.input);
  out.input.launches += trained.value() > 0 ? 2 : 1;
}

namespace {

Seconds positive(Seconds time) {
  return base::max(time, Seconds(0));
}

void add_idle(const SoftwareStack& stack, const ChunkCost& part, ChunkCost& to) {
  const bool waits = stack.ahead == HostAhead::to_exchange;
  const auto issuing = [&](const PassCost& pass, Seconds each) {
    return each * static_cast<double>(pass.launches - (waits ? pass.tensor_launches : 0));
  };
  const auto waiting = [&](const PassCost& pass) { return waits ? pass.tensor.time : Seconds(0); };
  const Seconds forward = issuing(part.forward, stack.dispatch) + waiting(part.forward);
  const Seconds backward = issuing(part.input, stack.backward_dispatch) +
                           issuing(part.weight, stack.backward_dispatch) +
                           issuing(part.again, stack.dispatch - stack.backward_dispatch) +
                           waiting(part.input) + waiting(part.weight);
  to.idle_forward += positive(forward - part.device_forward());
  to.idle_backward += positive(backward - part.device_backward());
}

void add_part(const ChunkCost& part, ChunkCost& to) {
  to.forward.add(part.forward);
  to.input.add(part.input);
  to.weight.add(part.weight);
  to.again.add(part.again);
  to.gather_forward += part.gather_forward;
  to.gather_backward += part.gather_backward;
  to.shards_forward.time += part.shards_forward.time;
  to.shards_forward.far += part.shards_forward.far;
  to.shards_backward.time += part.shards_backward.time;
  to.shards_backward.far += part.shards_backward.far;
  to.offload_forward += part.offload_forward;
  to.offload_backward += part.offload_backward;
  to.parameters_dense += part.parameters_dense;
  to.parameters_expert += part.parameters_expert;
}

}  // namespace

ChunkCost ChunkCosts::cost(const ChunkOfModel& chunk, const Choices& choices) {
  const SoftwareStack& stack = choices.stack;
  ChunkCost out, part;
  const auto close = [&] {
    if (stack.ahead == HostAhead::to_exchange) add_idle(stack, part, out);
    add_part(part, out);
    part = {};
  };
  if (chunk.embedding) add_block(network_.order.front(), models::Recompute::none, choices, part);
  close();
  for (std::int64_t i = 0; i < chunk.layers; ++i) {
    const bool again = choices.recompute_layers == 0 || i < choices.recompute_layers;
    const auto position = static_cast<std::size_t>(chunk.first_layer + i + 1);
    Choices here = choices;
    if (choices.offload_layers > 0 && i >= choices.offload_layers) {
      here.offload = base::BytesPerSecond(0);
    }
    add_block(network_.order[position], again ? choices.recompute : models::Recompute::none, here,
              part);
  }
  close();
  if (chunk.head) add_block(network_.order.back(), models::Recompute::none, choices, part);
  close();
  if (choices.experts == ExpertOverlap::other_micro_batch) hide_experts(out, site_);
  if (stack.ahead != HostAhead::to_exchange) add_idle(stack, out, out);
  out.idle_forward += stack.micro_batch;
  return out;
}

}  // namespace windtunnel::strategies

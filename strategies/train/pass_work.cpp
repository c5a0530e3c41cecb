#include "strategies/train/pass_work.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::Seconds;

std::size_t slot(ExchangeRole role) {
  return static_cast<std::size_t>(role);
}

// Sums what a step is made of, then cuts it into tasks.
class Gathered {
 public:
  void add(const PassCost& pass) {
    add_exchange(ExchangeRole::tensor, pass.tensor);
    add_exchange(ExchangeRole::context, pass.context);
    add_exchange(ExchangeRole::expert, pass.expert);
  }
  void add_shards(const ShardTraffic& traffic, Seconds exposed) {
    if (traffic.far.value() <= 0) return;
    work_.beside.time += traffic.time;
    work_.beside.far += traffic.far;
    work_.exposed_beside += exposed;
  }
  // Hidden by an overlapped pair: of the exchanges, experts' first.
  void take_back(Seconds saved) {
    for (const ExchangeRole role :
         {ExchangeRole::expert, ExchangeRole::tensor, ExchangeRole::context}) {
      PassExchange& one = work_.exchanges[slot(role)];
      Seconds& near = near_[slot(role)];
      const Seconds whole = one.time + near;
      if (whole.value() <= 0) continue;
      const Seconds taken = base::min(saved, whole);
      saved -= taken;
      shrink(one, 1.0 - taken / whole);
      near *= 1.0 - taken / whole;
    }
  }

  PassWork cut(Seconds duration, WeightGather gather) {
    if (gather == WeightGather::exposed && work_.beside.far.value() > 0) {
      work_.exchanges[slot(ExchangeRole::shards)] = {work_.exposed_beside, work_.beside.far};
      work_.beside = {};
      work_.exposed_beside = Seconds(0);
    }
    const Seconds waiting = work_.exchanging() + work_.exposed_beside;
    if (waiting > duration) squeeze(duration / waiting);
    work_.alone = base::max(duration - work_.exchanging() - work_.exposed_beside, Seconds(0));
    if (work_.exposed_beside.value() > 0) work_.beside.time = duration;
    work_.beside.time = base::min(work_.beside.time, duration);
    return work_;
  }

 private:
  void add_exchange(ExchangeRole role, const Interval& exchange) {
    if (exchange.far.value() <= 0) {
      near_[slot(role)] += exchange.time;
      return;
    }
    work_.exchanges[slot(role)].time += exchange.time;
    work_.exchanges[slot(role)].far += exchange.far;
  }
  static void shrink(PassExchange& one, double factor) {
    one.time *= factor;
    one.far *= factor;
  }
  // A pass shorter than its exchanges: rounding, or a part of a pass cut in
  // two.
  void squeeze(double factor) {
    for (PassExchange& one : work_.exchanges) one.time *= factor;
    work_.exposed_beside *= factor;
  }

  PassWork work_;
  std::array<Seconds, kExchangeRoles> near_{};  // exchanges inside a node
};

}  // namespace

Seconds PassWork::exchanging() const {
  Seconds sum{0};
  for (const PassExchange& one : exchanges) sum += one.time;
  return sum;
}

PassWork lasting(PassWork work, Seconds duration) {
  const Seconds full = work.alone + work.exchanging() + work.exposed_beside;
  const Seconds longer = duration - full;
  if (longer.value() >= 0 || full.value() <= 0) {
    work.alone += longer;
    if (work.exposed_beside.value() > 0) work.beside.time += longer;
    return work;
  }
  const double share = duration / full;
  work.alone *= share;
  work.exposed_beside *= share;
  work.beside.time *= share;
  work.beside.far *= share;
  for (PassExchange& one : work.exchanges) {
    one.time *= share;
    one.far *= share;
  }
  return work;
}

PassWork pass_work(const TrainPlan& plan, const IterationCosts& costs, std::int32_t device,
                   const PipelineStep& step) {
  const PipelinePlan& pipeline = plan.pipeline;
  const auto passes = [&](std::int32_t chunk) -> const PassCosts& {
    return costs.schedule.chunks[static_cast<std::size_t>(pipeline.model_chunk({device, chunk}))];
  };
  Gathered sum;
  Seconds duration{0};
  const auto forward = [&](const ChunkCost& chunk) {
    sum.add(chunk.forward);
    sum.add_shards(chunk.shards_forward, chunk.gather_forward);
  };
  const auto backward = [&](const ChunkCost& chunk) {
    sum.add(chunk.input);
    sum.add_shards(chunk.shards_backward, chunk.gather_backward);
  };
  const ChunkCost& chunk = costs.chunk(pipeline, device, step.chunk);
  switch (step.pass) {
    case Pass::forward:
      forward(chunk);
      duration = passes(step.chunk).forward;
      break;
    case Pass::backward:
      backward(chunk);
      sum.add(chunk.weight);
      duration = passes(step.chunk).backward();
      break;
    case Pass::backward_input:
      backward(chunk);
      duration = passes(step.chunk).backward_input;
      break;
    case Pass::backward_weight:
      sum.add(chunk.weight);
      duration = passes(step.chunk).backward_weight;
      break;
    case Pass::overlapped: {
      const ChunkCost& other = costs.chunk(pipeline, device, step.backward_chunk);
      forward(chunk);
      backward(other);
      sum.add(other.weight);
      const Seconds saved = passes(step.chunk).saved_by_overlap;
      duration = passes(step.chunk).forward + passes(step.backward_chunk).backward() - saved;
      sum.take_back(saved);
      break;
    }
  }
  return sum.cut(duration, plan.stack.gather);
}

}  // namespace windtunnel::strategies

#include "strategies/mix/serving_run.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {

std::vector<std::vector<int>> replica_gpus(const EngineFleet& fleet, const sim::ValidCluster& part,
                                           const std::vector<int>& gpus) {
  std::map<std::string, std::vector<int>> free;  // by name of the GPU, last first
  for (int node = part->nodes; node-- > 0;) {
    for (int gpu = part->node.gpus; gpu-- > 0;) {
      const auto at = static_cast<std::size_t>(node * part->node.gpus + gpu);
      free[part.node_at(node).gpu.name].push_back(gpus[at]);
    }
  }
  std::vector<std::vector<int>> out;
  for (const EnginePlan& plan : fleet.plans) {
    std::vector<int>& from = free[plan.gpu];
    base::expects(std::ssize(from) >= plan.gpus, "a fleet that fits its cluster");
    out.emplace_back(from.rbegin(), from.rbegin() + plan.gpus);
    from.resize(from.size() - static_cast<std::size_t>(plan.gpus));
  }
  return out;
}

ServingRun::ServingRun(const ServeJob& job, const EngineFleet& fleet, const Traffic& traffic,
                       sim::Engine& engine, Options options)
    : fleet_(fleet), engine_(engine), options_(std::move(options)) {
  clock_ = make_serving_clock(job, fleet, traffic, options_.simulation, this);
  join_nodes();
}

void ServingRun::join_nodes() {
  const sim::Network& network = engine_.network();
  for (const std::vector<int>& gpus : options_.gpus) {
    std::map<int, std::vector<int>> by_node;
    for (const int gpu : gpus) by_node[network.node_of(network.gpu(gpu))].push_back(gpu);
    std::vector<std::pair<int, int>>& ring = rings_.emplace_back();
    if (by_node.size() < 2) continue;
    for (auto own = by_node.begin(); own != by_node.end(); ++own) {
      auto next = std::next(own);
      if (next == by_node.end()) next = by_node.begin();
      for (std::size_t i = 0; i < own->second.size(); ++i)
        ring.emplace_back(own->second[i], next->second[i % next->second.size()]);
    }
  }
}

void ServingRun::exchange(std::size_t replica, const FarExchange& far, std::int64_t ticket) {
  const sim::Network& network = engine_.network();
  const std::int64_t id = exchanged_++;
  exchanges_[id] = {replica, ticket, std::max<std::size_t>(1, rings_[replica].size())};
  if (rings_[replica].empty()) engine_.after(far.time, [this, id] { exchanged(id); });
  for (const auto& [from, to] : rings_[replica]) {
    const sim::EndpointId source = network.gpu(from), target = network.gpu(to);
    const base::Seconds moving = far.time - network.route(source, target).latency;
    engine_.transfer(
        {.from = source,
         .to = target,
         .bytes = far.bytes,
         .rate_limit = moving.value() > 0 ? far.bytes / moving : base::BytesPerSecond::infinity()},
        [this, id] { exchanged(id); });
  }
}

void ServingRun::exchanged(std::int64_t id) {
  const auto found = exchanges_.find(id);
  if (--found->second.open > 0) return;
  const Exchange done = found->second;
  exchanges_.erase(found);
  clock_->exchanged(done.replica, done.ticket, engine_.now().value());
  schedule();
}

void ServingRun::start() {
  schedule();
}

// One wake-up at a time counts: the earliest.
void ServingRun::schedule() {
  const auto next = clock_->next();
  if (!next || (wake_ >= 0 && *next >= wake_)) return;
  wake_ = *next;
  const double wait = std::max(0.0, *next - engine_.now().value());
  engine_.after(base::Seconds(wait), [this, time = *next] { wake(time); });
}

void ServingRun::wake(double time) {
  if (time != wake_) return;  // an earlier one has taken its place
  wake_ = -1;
  for (auto next = clock_->next(); next && *next <= time; next = clock_->next()) clock_->advance();
  schedule();
}

// s that it takes with nobody else on its links.
double ServingRun::alone(const KvSpan& span) const {
  const auto endpoint = [this](std::size_t replica) {
    return engine_.network().gpu(options_.gpus[replica].front());
  };
  const sim::Route route = engine_.network().route(endpoint(span.from), endpoint(span.to));
  const double gpus =
      static_cast<double>(std::min(options_.gpus[span.from].size(), options_.gpus[span.to].size()));
  return route.latency.value() + span.bytes / (gpus * route.bandwidth.value());
}

void ServingRun::send(std::int64_t request, std::size_t from, std::size_t to, double bytes) {
  const std::vector<int>& source = options_.gpus[from];
  const std::vector<int>& target = options_.gpus[to];
  const std::size_t flows = std::max(source.size(), target.size());
  Sending& sending = sending_[request];
  sending.span = {request, from, to, bytes, engine_.now(), engine_.now()};
  sending.open = flows;
  sending.alone = alone(sending.span);
  bytes_ += bytes;
  for (std::size_t i = 0; i < flows; ++i) {
    engine_.transfer({.from = engine_.network().gpu(source[i % source.size()]),
                      .to = engine_.network().gpu(target[i % target.size()]),
                      .bytes = base::Bytes(bytes / static_cast<double>(flows))},
                     [this, request] { arrived(request); });
  }
}

void ServingRun::arrived(std::int64_t request) {
  const auto found = sending_.find(request);
  if (--found->second.open > 0) return;
  KvSpan span = found->second.span;
  span.end = engine_.now();
  taken_ += (span.end - span.begin).value();
  alone_ += found->second.alone;
  if (std::ssize(spans_) < options_.shown_transfers) spans_.push_back(span);
  sending_.erase(found);
  clock_->carried(request, span.end.value());
  schedule();
}

LinkedRun serve_on_links(const ServeJob& job, const EngineFleet& fleet, const Traffic& traffic,
                         sim::Engine& engine, ServingRun::Options options) {
  LinkMeter meter(engine.network(), 1);
  JobEngine own(engine, meter, 0, engine.now());
  ServingRun run(job, fleet, traffic, own, std::move(options));
  run.start();
  engine.run();
  base::ensures(run.over(), "a serving job ends with its requests");
  return {run.take(), meter.loads(), own.now()};
}

}  // namespace windtunnel::strategies

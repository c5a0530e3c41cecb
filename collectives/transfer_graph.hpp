// Runs a graph of transfers on an engine: a Schedule as it is, or a FlowPlan.
//
// A graph gives: size(), dependencies(i), transfer(i) with participants, bytes and costs. Memory
// beside the graph is 12 bytes a node and 4 a dependency; a callback is a pointer and an index,
// which std::function holds without allocating.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "collectives/lowering.hpp"

namespace windtunnel::collectives {

struct GraphTransfer {
  std::int32_t from = 0;
  std::int32_t to = 0;
  std::int32_t channel = 0;
  double bytes = 0.0;
  base::Seconds extra_latency{0};
  base::BytesPerSecond rate_limit = base::BytesPerSecond::infinity();
};

class ScheduleGraph {
 public:
  ScheduleGraph(const Schedule& schedule, const MessageCosts& costs)
      : schedule_(schedule), costs_(costs) {}
  std::size_t size() const { return schedule_.messages.size(); }
  std::span<const std::int32_t> dependencies(std::int32_t i) const {
    return schedule_.dependencies(i);
  }
  bool local(std::int32_t i) const {
    return schedule_.messages[static_cast<std::size_t>(i)].local();
  }
  GraphTransfer transfer(std::int32_t i) const {
    const Message& m = schedule_.messages[static_cast<std::size_t>(i)];
    return {m.from,           m.to, m.channel, static_cast<double>(m.bytes), costs_.overhead,
            costs_.rate_limit};
  }

 private:
  const Schedule& schedule_;
  MessageCosts costs_;
};

class FlowGraph {
 public:
  FlowGraph(const FlowPlan& plan, const MessageCosts& costs) : plan_(plan), costs_(costs) {}
  std::size_t size() const { return plan_.flows.size(); }
  std::span<const std::int32_t> dependencies(std::int32_t i) const { return plan_.dependencies(i); }
  bool local(std::int32_t i) const { return plan_.flows[static_cast<std::size_t>(i)].local(); }
  GraphTransfer transfer(std::int32_t i) const {
    const Flow& flow = plan_.flows[static_cast<std::size_t>(i)];
    return {flow.from,
            flow.to,
            0,
            flow.bytes,
            flow.extra_latency,
            costs_.rate_limit * flow.connections};
  }

 private:
  const FlowPlan& plan_;
  MessageCosts costs_;
};

template <class Graph>
class GraphRun {
 public:
  using OnSpan = std::function<void(const MessageSpan&)>;

  GraphRun(sim::Engine& engine, Graph graph, std::vector<sim::EndpointId> endpoints)
      : engine_(engine),
        graph_(std::move(graph)),
        endpoints_(std::move(endpoints)),
        open_(graph_.size()),
        pending_(graph_.size(), 0),
        dependent_begin_(graph_.size() + 1, 0) {
    index_dependents();
  }
  GraphRun(const GraphRun&) = delete;
  GraphRun& operator=(const GraphRun&) = delete;

  void record(OnSpan on_span) {
    on_span_ = std::move(on_span);
    begin_.assign(graph_.size(), 0.0);
  }
  // `on_done` is called once, at the simulated time of the last completion; it may destroy this
  // object.
  void start(std::function<void()> on_done) {
    on_done_ = std::move(on_done);
    for (std::size_t i = 0; i < graph_.size(); ++i) {
      if (graph_.dependencies(static_cast<std::int32_t>(i)).empty()) {
        ready_.push_back(static_cast<std::int32_t>(i));
      }
    }
    start_ready();
  }

 private:
  void index_dependents() {
    for (std::size_t i = 0; i < graph_.size(); ++i) {
      const auto dependencies = graph_.dependencies(static_cast<std::int32_t>(i));
      pending_[i] = static_cast<std::int32_t>(dependencies.size());
      for (const std::int32_t d : dependencies) ++dependent_begin_[static_cast<std::size_t>(d)];
    }
    std::partial_sum(dependent_begin_.begin(), dependent_begin_.end(), dependent_begin_.begin());
    dependents_.resize(dependent_begin_.back());
    // Filled from each one's end down, so that what was its end is its begin after.
    for (std::size_t i = graph_.size(); i-- > 0;) {
      for (const std::int32_t d : graph_.dependencies(static_cast<std::int32_t>(i))) {
        dependents_[--dependent_begin_[static_cast<std::size_t>(d)]] = static_cast<std::int32_t>(i);
      }
    }
  }
  std::span<const std::int32_t> dependents(std::int32_t node) const {
    const auto slot = static_cast<std::size_t>(node);
    return std::span(dependents_)
        .subspan(dependent_begin_[slot], dependent_begin_[slot + 1] - dependent_begin_[slot]);
  }

  // Local nodes complete at once, and may make others ready.
  void start_ready() {
    for (std::size_t next = 0; next < ready_.size(); ++next) {
      const std::int32_t node = ready_[next];
      if (graph_.local(node)) {
        finish(node);
      } else {
        submit(node);
      }
    }
    ready_.clear();
    // Called back by the engine also where nothing took any time.
    if (open_ == 0 && on_done_) {
      engine_.after(base::Seconds(0), std::exchange(on_done_, nullptr));
    }
  }
  void submit(std::int32_t node) {
    const GraphTransfer t = graph_.transfer(node);
    if (on_span_) begin_[static_cast<std::size_t>(node)] = engine_.now().value();
    engine_.transfer({.from = endpoints_[static_cast<std::size_t>(t.from)],
                      .to = endpoints_[static_cast<std::size_t>(t.to)],
                      .bytes = base::Bytes(t.bytes),
                      .extra_latency = t.extra_latency,
                      .rate_limit = t.rate_limit},
                     [this, node] { complete(node); });
  }
  void finish(std::int32_t node) {
    --open_;
    for (const std::int32_t dependent : dependents(node)) {
      if (--pending_[static_cast<std::size_t>(dependent)] == 0) ready_.push_back(dependent);
    }
  }
  void complete(std::int32_t node) {
    if (on_span_) {
      const GraphTransfer t = graph_.transfer(node);
      on_span_({.from = t.from,
                .to = t.to,
                .channel = t.channel,
                .bytes = t.bytes,
                .begin = base::Seconds(begin_[static_cast<std::size_t>(node)]),
                .end = engine_.now()});
    }
    finish(node);
    start_ready();
  }

  sim::Engine& engine_;
  Graph graph_;
  std::vector<sim::EndpointId> endpoints_;
  std::size_t open_;
  std::vector<std::int32_t> pending_;
  std::vector<std::uint32_t> dependent_begin_;
  std::vector<std::int32_t> dependents_;
  std::vector<std::int32_t> ready_;
  std::vector<double> begin_;  // s, by node
  OnSpan on_span_;
  std::function<void()> on_done_;
};

}  // namespace windtunnel::collectives

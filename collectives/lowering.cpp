#include "collectives/lowering.hpp"

#include <string>

#include "collectives/transfer_graph.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::collectives {
namespace {

using OnSpan = std::function<void(const MessageSpan&)>;

template <class Graph>
void start_run(sim::Engine& engine, Graph graph, const GroupRun& group, OnSpan on_span,
               std::function<void()> on_done) {
  auto run = std::make_shared<GraphRun<Graph>>(engine, std::move(graph), group.endpoints);
  if (on_span) run->record(std::move(on_span));
  // The callback keeps the run alive, and lets go of it when it has been made.
  GraphRun<Graph>* const raw = run.get();
  raw->start([run = std::move(run), on_done = std::move(on_done)] {
    if (on_done) on_done();
  });
}

void start_group(sim::Engine& engine, const GroupRun& group, const LoweringOptions& options,
                 OnSpan on_span, std::function<void()> on_done) {
  base::expects((group.schedule != nullptr) != (group.flows != nullptr),
                "a group has either a schedule or flows");
  if (group.schedule != nullptr) {
    base::expects(
        group.endpoints.size() >= static_cast<std::size_t>(group.schedule->participants()),
        "every participant has an endpoint");
    start_run(engine, ScheduleGraph(*group.schedule, options.costs), group, std::move(on_span),
              std::move(on_done));
  } else {
    start_run(engine, FlowGraph(*group.flows, options.costs), group, std::move(on_span),
              std::move(on_done));
  }
}

std::int64_t transfers_of(const GroupRun& group) {
  std::int64_t count = 0;
  if (group.schedule != nullptr) {
    for (const Message& message : group.schedule->messages) count += message.local() ? 0 : 1;
  } else {
    for (const Flow& flow : group.flows->flows) count += flow.local() ? 0 : 1;
  }
  return count;
}

}  // namespace

std::string_view to_text(Lowering lowering) {
  return lowering == Lowering::steps ? "steps" : "bulk";
}

std::optional<Lowering> lowering_from_text(std::string_view text) {
  if (text == "steps") return Lowering::steps;
  if (text == "bulk") return Lowering::bulk;
  return std::nullopt;
}

void launch(sim::Engine& engine, const GroupRun& group, const LoweringOptions& options,
            std::function<void()> on_done) {
  start_group(engine, group, options, {}, std::move(on_done));
}

LoweringResult run_groups(sim::Engine& engine, std::span<const GroupRun> groups,
                          const LoweringOptions& options) {
  LoweringResult result;
  const base::Seconds begin = engine.now();
  const std::int64_t events_before = engine.events();
  result.finish.assign(groups.size(), base::Seconds::infinity());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    OnSpan on_span;
    if (options.record_spans) {
      on_span = [&result, g](MessageSpan span) {
        span.group = static_cast<std::int32_t>(g);
        result.spans.push_back(span);
      };
    }
    start_group(engine, groups[g], options, std::move(on_span),
                [&, g] { result.finish[g] = engine.now() - begin; });
    result.transfers += transfers_of(groups[g]);
  }
  engine.run();
  for (std::size_t g = 0; g < groups.size(); ++g) {
    base::ensures(result.finish[g] < base::Seconds::infinity(),
                  "group " + std::to_string(g) + " waits for messages that never come");
    result.time = base::max(result.time, result.finish[g]);
  }
  result.events = engine.events() - events_before;
  result.bytes_by_link = engine.bytes_by_link();
  return result;
}

}  // namespace windtunnel::collectives

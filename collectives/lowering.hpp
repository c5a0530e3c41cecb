// Schedules on an engine: what turns messages into transfers and the engine's times into a
// collective's.
//
// `steps`: every message is a transfer, started as soon as what it waits for has completed; exact.
// `bulk`: a transfer for each flow of a FlowPlan (flow_plan.hpp).
// Several groups start at the same time and share the network; each has its own finish time. Local
// messages take no time: copies inside a device are not the network's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "collectives/flow_plan.hpp"
#include "collectives/schedule.hpp"
#include "sim/engine/engine.hpp"

namespace windtunnel::collectives {

enum class Lowering { steps, bulk };
std::string_view to_text(Lowering lowering);
std::optional<Lowering> lowering_from_text(std::string_view text);

// One transfer that took place, for timelines: participants of the group, simulated times.
struct MessageSpan {
  std::int32_t group = 0;
  std::int32_t from = 0;
  std::int32_t to = 0;
  std::int32_t channel = 0;
  double bytes = 0.0;
  base::Seconds begin{0};  // when it was started
  base::Seconds end{0};
};

struct LoweringOptions {
  MessageCosts costs{};
  bool record_spans = false;
};

// A collective of one group: exactly one of `schedule` (lowered in steps) and `flows` (in bulk).
struct GroupRun {
  const Schedule* schedule = nullptr;
  const FlowPlan* flows = nullptr;
  std::vector<sim::EndpointId> endpoints{};  // by participant
};

struct LoweringResult {
  base::Seconds time{0};              // of the last group
  std::vector<base::Seconds> finish;  // by group, from the start of the run
  std::int64_t transfers = 0;
  std::int64_t events = 0;            // of the engine
  std::vector<double> bytes_by_link;  // empty unless the engine records it
  std::vector<MessageSpan> spans;     // in order of completion; empty unless asked for
};

// Starts all groups now and runs the engine until nothing is left to happen.
LoweringResult run_groups(sim::Engine& engine, std::span<const GroupRun> groups,
                          const LoweringOptions& options);

// Starts one group now, among whatever else the engine is doing, and calls `on_done` when its last
// message has completed. What `group` points to must live until then; nothing else needs to be
// kept.
void launch(sim::Engine& engine, const GroupRun& group, const LoweringOptions& options,
            std::function<void()> on_done);

}  // namespace windtunnel::collectives

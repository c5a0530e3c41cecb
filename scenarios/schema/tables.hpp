// The tables of a scenario file: one a struct, one file a group. A new field is one line in its
// table and nothing else: loader, defaults, JSON Schema and reference page follow.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "scenarios/schema/type.hpp"

namespace windtunnel::scenarios {

// What of a scenario is bound without its cluster and workload.
struct ScenarioHead {
  std::string schema;
  std::string name;
  std::string description;
  std::string calibration;  // empty: the profile of the cluster's GPU
  EngineChoice engine;
};

// `sizes: {from: 1KiB, to: 8GiB, factor: 2}`.
struct SizeRange {
  base::Bytes from{0};
  base::Bytes to{0};
  double factor = 2.0;
};

// `lengths: {input: ..., output: ...}`.
struct LengthPair {
  strategies::Lengths input = strategies::ConstantLength{1};
  strategies::Lengths output = strategies::ConstantLength{1};
};

// `objective: {fact: ..., direction: ...}` of a search.
enum class GoalDirection { automatic, minimize, maximize };
struct GoalWords {
  std::string fact;
  GoalDirection direction = GoalDirection::automatic;
};

// What of a `search` is a number.
struct SearchNumbers {
  std::int64_t top = 20;
  double share = 0.99;
};

// A cluster that is a SimGrid platform file.
struct PlatformImport {
  std::string name;
  std::string simgrid_platform;
};

const Structure& scenario_structure();
const Structure& engine_structure();
const Structure& expectation_structure();
const Structure& search_structure();
const Structure& search_goal_structure();
const Structure& cluster_structure();
const Structure& platform_import_structure();
const Structure& node_structure();
const Structure& scale_up_structure();
const Structure& nics_structure();
const Structure& fabric_structure();
const Structure& cost_structure();
const Structure& node_override_structure();
const Structure& stragglers_structure();
const Structure& failures_structure();
// Those of stragglers and failures, in the order of the reference page.
std::vector<const Structure*> fault_structures();
const Structure& gpu_structure();
const Structure& collective_structure();
const Structure& size_range_structure();
const Structure& train_structure();
const Structure& fine_tuning_structure();
const Structure& data_loading_structure();
const Structure& checkpointing_structure();
const Structure& strategy_structure();
const Structure& train_overlap_structure();
const Structure& serve_structure();
const Structure& arrivals_structure();
const Structure& lengths_structure();
const Structure& length_structure();
const Structure& shared_prefix_structure();
const Structure& conversations_structure();
const Structure& slo_structure();
const Structure& serve_strategy_structure();
const Structure& batching_structure();
const Structure& queue_structure();
const Structure& kv_structure();
const Structure& router_structure();
const Structure& disaggregate_structure();
const Structure& speculative_structure();
const Structure& autoscale_structure();
const Structure& replica_failures_structure();
const Structure& front_end_structure();
const Structure& pruning_structure();
const Structure& pool_structure();
const Structure& mix_structure();
const Structure& mixed_train_structure();
const Structure& mixed_serve_structure();

// The tables of serving, in the order of the reference page.
std::vector<const Structure*> serve_structures();
// Those of distributions of lengths, and the value of one that is checked.
std::vector<const Structure*> length_structures();
strategies::Lengths lengths_from(const Node& resolved);
// A key of `empirical`: a length in tokens.
std::optional<std::int64_t> length_key(const std::string& text);

// The scenario whose `strategy` is that of the workload's kind.
Type scenario_type(const Node& root);

// Every table, in the order of the reference page.
std::vector<const Structure*> all_structures();

// The workload kinds of the contract that cannot be run yet.
std::vector<std::string> unbuilt_workload_kinds();

}  // namespace windtunnel::scenarios

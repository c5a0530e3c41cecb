// The charts of one serving run: how latencies are distributed, load over time, replicas, memory.
#pragma once

#include <optional>
#include <vector>

#include "reports/result.hpp"
#include "reports/view.hpp"

namespace windtunnel::reports {

// Share of the requests (those completed) that waited, got their first token, ... within a time.
std::optional<XyChart> latency_distribution_chart(const ResultCase& one);
// Requests running and waiting, and the KV cache in use, over time: a line for each of the first
// replicas, or their sum where there are many.
std::vector<XyChart> load_charts(const ResultCase& one);
// A lane a replica, coloured by how full it is.
std::optional<TimelineChart> replica_timeline(const ResultCase& one);
// What holds the memory of a GPU.
std::optional<BarChart> serving_memory_chart(const ResultCase& one);

}  // namespace windtunnel::reports

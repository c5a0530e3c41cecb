// Measurements laid beside a run: rows of nccl-tests logs or measurement CSV files that measured what
// the run predicts, as the table `measured` of the result, which the report draws as points.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "reports/result.hpp"
#include "scenarios/scenario.hpp"

namespace windtunnel::scenarios {

// A row matches where its op, nodes, GPUs per node (nodes as NCCL counts them) and GPU, if it names
// one, are those of a group of one sweep point. Where a log does not say its op or shape, those of
// the first sweep point count: its op if it has only one, its first group. Rows that match nothing
// are counted in one warning; the reader's own warnings and skipped rows are warnings too.
// Throws EnvironmentError for a file that cannot be read, InputError for one that makes no sense.
void add_measured_points(const std::vector<std::string>& files,
                         std::span<const LoadedScenario> scenarios, reports::Result& result);

}  // namespace windtunnel::scenarios

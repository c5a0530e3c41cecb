// Measurements laid beside a run: rows of nccl-tests logs or measurement CSV files that measured what the
// run predicts, as the table `measured` of the result, which the report draws as points.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "reports/result.hpp"
#include "scenarios/scenario.hpp"

namespace windtunnel::scenarios {

// A row matches where its op, number of ranks and GPU (if it names one) are those of a case; where a
// log does not say its op or shape, that of the first scenario counts, if it has only one.
// Throws EnvironmentError for a file that cannot be read, InputError for one that makes no sense.
void add_measured_points(const std::vector<std::string>& files,
                         std::span<const LoadedScenario> scenarios, reports::Result& result);

}  // namespace windtunnel::scenarios

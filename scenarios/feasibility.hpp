// What can be said against a training scenario before anything is timed: sizes that do not divide,
// schedules that its batch does not fill, memory. A few milliseconds where a run takes longer.
#pragma once

#include <optional>
#include <string>

#include "scenarios/scenario.hpp"
#include "scenarios/study_site.hpp"

namespace windtunnel::scenarios {

// The reason that `run` would give; nothing where it runs, and of workloads other than training.
// Where GPUs differ, each stage has its own room, which only a run looks at.
std::optional<std::string> cannot_run(const Scenario& scenario, ModelSource& models);

}  // namespace windtunnel::scenarios

// A serving scenario from its resolved tree: values, model, trace, and what does not go together.
#pragma once

#include <optional>

#include "scenarios/document/node.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/traces/read_trace.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// The tree as it was given, to know what the user said, and as it was resolved.
struct ServeTrees {
  const Node& given;
  const Node& resolved;
};

// Nothing, with errors at their places, where it is no scenario.
std::optional<ServeScenario> bind_serve(const ServeTrees& trees, TraceShelf& traces,
                                        base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios

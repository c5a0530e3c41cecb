// What of a serving scenario does not go together, although each value alone is right.
#pragma once

#include <string>
#include <vector>

#include "scenarios/document/node.hpp"
#include "sim/base/diagnostics.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::scenarios {

// `given` knows what the user said; `resolved` has every default.
void check_serve(const Node& given, const Node& resolved, base::Diagnostics& diagnostics);

// Each distribution is one key, and a possible one. False, with errors, where it is not.
bool check_lengths(const Node& resolved, base::Diagnostics& diagnostics);
// The same of one, which errors call `name`.
bool check_length(const Node& resolved, const std::string& name, base::Diagnostics& diagnostics);

// A trace that was read (null: its errors are said) and what else the workload says.
struct NamedTrace {
  const std::vector<strategies::Request>* trace = nullptr;
  const Node& path;
};
void check_trace(const NamedTrace& named, const strategies::ServeWorkload& workload,
                 base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios

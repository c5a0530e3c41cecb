// Keys of a serving strategy that nothing asks for under the policy chosen. A scenario may have them
// where a sweep takes the policy on from one point to the next; a key that acts at none of its
// points is an error, because its author expects something of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/document/node.hpp"
#include "sim/base/diagnostics.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::scenarios {

struct InertKey {
  std::string path;  // strategy.batching.max_delay
  base::Diagnostic said;
};

// Those of a `strategy` that were given another value than their default. The design's own example
// has max_delay beside continuous batching: there it is a warning.
struct InertQuestion {
  const Node& given;     // the strategy as the user has it
  const Node& resolved;  // with every default
  const strategies::Batching& batching;
};
std::vector<InertKey> inert_keys(const InertQuestion& of);

// What is inert at every point that it has seen.
class InertEverywhere {
 public:
  void meet(const std::vector<InertKey>& at_point);
  void report(base::Diagnostics& diagnostics) const;

 private:
  std::optional<std::map<std::string, InertKey>> keys_;
};

}  // namespace windtunnel::scenarios

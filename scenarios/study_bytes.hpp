// An Outcome as bytes, for the way from a worker process back to the one that started it: exact to
// the last bit, so that a case looks the same wherever it ran. Same machine, same build; never a
// file format.
#pragma once

#include <string>
#include <string_view>

#include "sim/base/fact.hpp"

namespace windtunnel::scenarios {

struct TimedOutcome {
  base::Outcome outcome;
  double wall_s = 0.0;
};

std::string to_bytes(const TimedOutcome& timed);
// Bytes that to_bytes() did not write break a contract.
TimedOutcome from_bytes(std::string_view bytes);

}  // namespace windtunnel::scenarios

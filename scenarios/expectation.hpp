// `expect:` of a scenario file: what a fact has to be, and for which cases.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "scenarios/document/node.hpp"
#include "scenarios/scenario.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::scenarios {

// The expectations of a resolved `expect` mapping. `root` is the expanded scenario, against which
// the paths of `when` are checked. A value is a number in SI units or a quantity of the fact's own
// dimension, which the end of its name tells (time_s, busbw_bytes_per_s).
std::vector<Expectation> parse_expectations(const Node& expect, const Node& root,
                                            base::Diagnostics& diagnostics);

// Those that can hold at a point with this resolved scenario, their `when` reduced to what the
// cases of the point decide.
std::vector<Expectation> expectations_at(const std::vector<Expectation>& all, const Node& resolved);

// What the end of a fact's name says it is measured in (time_s, busbw_bytes_per_s); nothing: a bare
// number.
std::optional<base::Dimension> dimension_of_fact(std::string_view fact);

}  // namespace windtunnel::scenarios

// `model:` of a scenario: a library name, {hf: config.json}, or a mapping of figures.
#pragma once

#include <optional>

#include "models/networks/model.hpp"
#include "scenarios/document/node.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// Complete, or nothing with errors at their place.
std::optional<models::Model> read_model(const Node& node, base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios

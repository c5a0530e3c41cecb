// Models that come from other tools' files, and the model of a scenario as a value.
#pragma once

#include <optional>
#include <string>

#include "models/networks/model.hpp"
#include "scenarios/document/node.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// The model mapping that a Hugging Face config.json describes, with all values at `reference`.
// `invalid`, with errors, where the file is no use.
Node import_hugging_face(const Node& reference, const std::string& path,
                         base::Diagnostics& diagnostics);

// A mapping that resolve() returned without errors, as a complete model. Figures that cannot be
// those of a network are errors at their key.
std::optional<models::Model> bind_model(const Node& resolved, base::Diagnostics& diagnostics);

// A `model:` value as it stands in a file (a name, a path, {hf: ...}, a mapping): expanded,
// resolved, bound. Paths are relative to the file that the node says it is from.
std::optional<models::Model> load_model(Node node, base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios

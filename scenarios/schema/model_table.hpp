// The table of `model`: made from the rows in models/networks/model_fields.hpp, so that a library
// file, a mapping of a user's and what an imported config.json becomes are one format.
#pragma once

#include <vector>

#include "models/networks/model.hpp"
#include "scenarios/schema/type.hpp"

namespace windtunnel::scenarios {

// Bound to a models::Model. `use`: a library name; `hf`: a Hugging Face config.json.
const Structure& model_structure();
// It and those of its groups (moe, mla, ...), in the order of the reference page.
std::vector<const Structure*> model_structures();

// A model as a mapping that says what differs from the defaults, every value at `where`.
Node model_node(const models::Model& model, const base::SourceLocation& where);

}  // namespace windtunnel::scenarios

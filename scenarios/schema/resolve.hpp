// Checks a value against its type and gives back its canonical form: keys under their own names and
// in the order of the table, every default filled in, one-element lists in brackets.
#pragma once

#include <string>

#include "scenarios/schema/type.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// `name` is what errors call the value ("cluster.nodes"). Every error goes to `diagnostics`; what
// could not be used is `invalid` in the result. Without errors the result may be bound, and
// resolving it again changes nothing.
Node resolve(const Node& node, const Type& type, const std::string& name,
             base::Diagnostics& diagnostics);

// "path.key", or "key" at the top.
std::string joined(std::string_view path, std::string_view key);

}  // namespace windtunnel::scenarios

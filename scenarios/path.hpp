// Paths into a scenario, `cluster.node.nics.bandwidth`: what sweeps, --set and `when` address.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/document/node.hpp"
#include "scenarios/schema/type.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

using Path = std::vector<std::string>;

std::string to_text(const Path& path);

// The path in full (`cluster.gpu` is `cluster.node.gpu`, `workload.algorithm` is
// `workload.algorithms`), checked against the tables as they apply to `root`, an expanded scenario.
// Nothing, with an error that says what is near, where there is no such path.
std::optional<Path> canonical_path(std::string_view text, const Node& root,
                                   const base::SourceLocation& where,
                                   base::Diagnostics& diagnostics);

// What may stand at a canonical path of `root`; nothing where there is no such path.
std::optional<Type> type_at(const Node& root, const Path& path);

// Whether the path ends in what a mapping is taken from (`model.hf`, `cluster.use`): an expanded tree
// has no such key any more.
bool names_base(const Node& root, const Path& path);

// The value at a canonical path; null where the tree has none.
const Node* value_at(const Node& root, const Path& path);

// Sets the value at a canonical path, making the mappings on the way. Where a `kind` changes, the
// fields that the new kind does not have go with it.
void assign(Node& root, const Path& path, Node value);

}  // namespace windtunnel::scenarios

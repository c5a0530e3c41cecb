// YAML text to a Node tree, by yaml-cpp's event interface.
//
// A scenario uses plain YAML: one document, keys that are text, no anchors, aliases, merge keys or
// tags, at most kDeepestNesting levels. What yaml-cpp 0.7 takes without a word (duplicate keys, a
// second document, an alias to itself) is an error here. Positions count from 1, columns in
// characters.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "scenarios/document/node.hpp"

namespace windtunnel::scenarios {

inline constexpr int kDeepestNesting = 32;

// Nothing where there is no tree to go on with (not text, bad syntax). A tree may come with errors
// in `diagnostics` (a duplicate key, an alias); what they concern is left out or `invalid`, so that
// the rest of the file can be checked in the same go.
std::optional<Node> parse_yaml(std::string_view text, const std::string& file,
                               base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios

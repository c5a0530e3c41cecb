// A Node tree as YAML text that parse_yaml reads back to the same tree (positions apart).
//
// Mappings are written as blocks, lists of plain values on one line, a list of mappings one item a
// line. A scalar is quoted where it was, or where plain YAML would read something else.
#pragma once

#include <string>

#include "scenarios/document/node.hpp"

namespace windtunnel::scenarios {

std::string to_yaml(const Node& node);

// The same on one line: `{kind: fat_tree, levels: 2}`, `[1, 2]`, `dgx-h100`.
std::string to_flow_yaml(const Node& node);

// A value as a table shows it and `when` compares it: a scalar is its text, whether it stood in quotes
// or not; anything else is as above.
std::string value_text(const Node& node);

}  // namespace windtunnel::scenarios

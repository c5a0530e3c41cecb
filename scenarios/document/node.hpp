// A YAML text as a tree of our own: scalars keep their text and whether they stood in quotes,
// mappings keep their order, and every key and value knows where it was written. No anchors, no
// tags, no merge keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// `invalid` stands where an error was already reported; later stages leave it alone.
enum class NodeKind { null, scalar, sequence, mapping, invalid };

struct Entry;

struct Node {
  NodeKind kind = NodeKind::null;
  std::string text;  // scalar only, without quotes and escapes
  bool quoted =
      false;  // the scalar stood in quotes (or as a block), so it is text and nothing else
  base::SourceLocation where;
  std::vector<Node> items;     // sequence only
  std::vector<Entry> entries;  // mapping only, keys unique

  // The value of a key of a mapping; null pointer where there is none or this is no mapping.
  const Node* find(std::string_view key) const;
  Node* find(std::string_view key);
  // Sets the value of a key, in its place if it is there, else at the end; makes this a mapping.
  Node& set(std::string_view key, Node value);
  void erase(std::string_view key);
};

struct Entry {
  std::string key;
  base::SourceLocation where;
  Node value;
};

Node scalar_node(std::string text, base::SourceLocation where);
Node mapping_node(base::SourceLocation where);
Node sequence_node(base::SourceLocation where);

// Places a whole tree at one location: a default, an import, a value of --set.
void relocate(Node& node, const base::SourceLocation& where);

// Whether an error was reported about any part of it.
bool has_invalid(const Node& node);

// "a mapping", "a list", "text", ... for error sentences.
std::string_view kind_name(const Node& node);

}  // namespace windtunnel::scenarios

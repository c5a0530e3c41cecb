#include "scenarios/document/node.hpp"

#include <algorithm>
#include <utility>

namespace windtunnel::scenarios {

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

Node* Node::find(std::string_view key) {
  return const_cast<Node*>(std::as_const(*this).find(key));
}

Node& Node::set(std::string_view key, Node value) {
  if (kind != NodeKind::mapping) {
    kind = NodeKind::mapping;
    text.clear();
    quoted = false;
    items.clear();
    entries.clear();
  }
  if (Node* present = find(key)) return *present = std::move(value);
  const base::SourceLocation where_key = value.where;
  entries.push_back({std::string(key), where_key, std::move(value)});
  return entries.back().value;
}

void Node::erase(std::string_view key) {
  std::erase_if(entries, [key](const Entry& entry) { return entry.key == key; });
}

Node scalar_node(std::string text, base::SourceLocation where) {
  Node node;
  node.kind = NodeKind::scalar;
  node.text = std::move(text);
  node.where = std::move(where);
  return node;
}

Node mapping_node(base::SourceLocation where) {
  Node node;
  node.kind = NodeKind::mapping;
  node.where = std::move(where);
  return node;
}

Node sequence_node(base::SourceLocation where) {
  Node node;
  node.kind = NodeKind::sequence;
  node.where = std::move(where);
  return node;
}

void relocate(Node& node, const base::SourceLocation& where) {
  node.where = where;
  for (Node& item : node.items) relocate(item, where);
  for (Entry& entry : node.entries) {
    entry.where = where;
    relocate(entry.value, where);
  }
}

bool has_invalid(const Node& node) {
  return node.kind == NodeKind::invalid ||
         std::any_of(node.items.begin(), node.items.end(), has_invalid) ||
         std::any_of(node.entries.begin(), node.entries.end(),
                     [](const Entry& entry) { return has_invalid(entry.value); });
}

std::string_view kind_name(const Node& node) {
  switch (node.kind) {
    case NodeKind::null:
      return "nothing";
    case NodeKind::scalar:
      return node.quoted ? "text in quotes" : "a single value";
    case NodeKind::sequence:
      return "a list";
    case NodeKind::mapping:
      return "a mapping";
    case NodeKind::invalid:
      return "something unreadable";
  }
  return "nothing";
}

}  // namespace windtunnel::scenarios

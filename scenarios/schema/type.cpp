#include "scenarios/schema/type.hpp"

#include <algorithm>

#include "scenarios/document/parse.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios {

const Choice* Type::keyword(const Node& node) const {
  if (node.kind != NodeKind::scalar) return nullptr;
  const auto found = std::find_if(keywords.begin(), keywords.end(),
                                  [&](const Choice& word) { return word.value == node.text; });
  return found == keywords.end() ? nullptr : &*found;
}

Type type_of_kind(TypeKind kind) {
  Type type;
  type.kind = kind;
  return type;
}

Type text_type() {
  return type_of_kind(TypeKind::text);
}
Type boolean_type() {
  return type_of_kind(TypeKind::boolean);
}

Type integer_type(double minimum, double maximum) {
  Type type = type_of_kind(TypeKind::integer);
  type.limits = {.minimum = minimum, .maximum = maximum};
  return type;
}

Type number_type(Limits limits) {
  Type type = type_of_kind(TypeKind::number);
  type.limits = limits;
  return type;
}

Type quantity_type(base::Dimension dimension, Limits limits) {
  Type type = type_of_kind(TypeKind::quantity);
  type.dimension = dimension;
  type.limits = limits;
  return type;
}

Type choice_type(std::vector<Choice> choices) {
  Type type = type_of_kind(TypeKind::choice);
  type.choices = std::move(choices);
  return type;
}

Type list_type(Type element, std::size_t least_items) {
  Type type = type_of_kind(TypeKind::list);
  type.element = std::make_shared<const Type>(std::move(element));
  type.least_items = least_items;
  return type;
}

Type map_type(Type element) {
  Type type = type_of_kind(TypeKind::map);
  type.element = std::make_shared<const Type>(std::move(element));
  return type;
}

Type path_type() {
  Type type = text_type();
  type.path = true;
  return type;
}

Type structure_type(const Structure& (*structure)()) {
  Type type = type_of_kind(TypeKind::structure);
  type.structure = structure;
  return type;
}

Type either_type(std::vector<Type> alternatives) {
  Type type = type_of_kind(TypeKind::either);
  type.alternatives = std::move(alternatives);
  return type;
}

Type or_keyword(Type type, std::vector<Choice> keywords) {
  type.keywords = std::move(keywords);
  return type;
}

namespace {

bool can_be(const Type& type, const Node& node) {
  switch (type.kind) {
    case TypeKind::list:
    case TypeKind::index_list:
      return node.kind == NodeKind::sequence || node.kind == NodeKind::scalar;
    case TypeKind::map:
      return node.kind == NodeKind::mapping;
    case TypeKind::structure: {
      const Structure& structure = type.structure();
      if (node.kind == NodeKind::scalar) {
        return !structure.short_for.empty() || !structure.library.empty();
      }
      if (node.kind != NodeKind::mapping) return false;
      if (!structure.selected_kind.empty()) {
        const Node* of = structure.selected_by.empty() ? &node : node.find(structure.selected_by);
        const Node* kind = of == nullptr ? nullptr : of->find("kind");
        return kind != nullptr && kind->text == structure.selected_kind;
      }
      return structure.selected_by.empty() || node.find(structure.selected_by) != nullptr;
    }
    default:
      return node.kind == NodeKind::scalar;
  }
}

}  // namespace

const Type* alternative_for(const Type& type, const Node& node) {
  if (type.kind != TypeKind::either) return &type;
  for (const Type& one : type.alternatives) {
    if (can_be(one, node)) return &one;
  }
  return nullptr;
}

bool Field::applies_to(std::string_view kind) const {
  return only_for.empty() || std::find(only_for.begin(), only_for.end(), kind) != only_for.end();
}

const Field* Structure::field(std::string_view key) const {
  for (const Field& candidate : fields) {
    if (candidate.name == key) return &candidate;
    for (const std::string& alias : candidate.aliases) {
      if (alias == key) return &candidate;
    }
  }
  return nullptr;
}

std::vector<std::string> Structure::keys() const {
  std::vector<std::string> names;
  for (const Field& candidate : fields) names.push_back(candidate.name);
  return names;
}

Structure finished(Structure structure) {
  for (Field& field : structure.fields) {
    if (!field.fallback) continue;
    base::Diagnostics diagnostics;
    auto node = parse_yaml(*field.fallback, "default", diagnostics);
    base::ensures(node && !diagnostics.has_errors(), "a default in a schema table is no YAML");
    field.fallback_node = std::move(*node);
  }
  return structure;
}

void bind_structure(const Structure& structure, const Node& resolved, void* object) {
  for (const Field& field : structure.fields) {
    const Node* value = resolved.find(field.name);
    if (value != nullptr && field.bind) field.bind(*value, object);
  }
}

Node write_structure(const Structure& structure, const void* object) {
  Node mapping = mapping_node({});
  std::string kind;
  for (const Field& field : structure.fields) {
    if (!field.write || !field.applies_to(kind)) continue;
    auto value = field.write(object);
    if (!value) continue;
    if (field.name == "kind") kind = value->text;
    mapping.set(field.name, std::move(*value));
  }
  return mapping;
}

}  // namespace windtunnel::scenarios

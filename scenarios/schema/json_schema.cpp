#include "scenarios/schema/json_schema.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

using Json = nlohmann::ordered_json;

// "cluster.node.gpu" as a name that a `$ref` can hold.
std::string definition_name(const Structure& structure) {
  std::string name = structure.name.empty() ? "scenario" : structure.name;
  for (char& c : name) {
    if (c == '.' || c == ' ' || c == '(' || c == ')' || c == '[' || c == ']') c = '_';
  }
  return name;
}

Json json_value(const Node& node) {
  switch (node.kind) {
    case NodeKind::null:
    case NodeKind::invalid:
      return nullptr;
    case NodeKind::sequence: {
      Json out = Json::array();
      for (const Node& item : node.items) out.push_back(json_value(item));
      return out;
    }
    case NodeKind::mapping: {
      Json out = Json::object();
      for (const Entry& entry : node.entries) out[entry.key] = json_value(entry.value);
      return out;
    }
    case NodeKind::scalar:
      break;
  }
  const Json parsed = Json::parse(node.text, nullptr, false);
  return parsed.is_number() || parsed.is_boolean() ? parsed : Json(node.text);
}

void add_limits(Json& out, const Limits& limits) {
  if (std::isfinite(limits.minimum)) {
    out[limits.exclusive_minimum ? "exclusiveMinimum" : "minimum"] = limits.minimum;
  }
  if (std::isfinite(limits.maximum)) out["maximum"] = limits.maximum;
}

Json any_of(std::vector<Json> options) {
  if (options.size() == 1) return std::move(options.front());
  Json out;
  out["anyOf"] = std::move(options);
  return out;
}

Json choice_schema(const Type& type) {
  Json out;
  for (const Choice& choice : type.choices) out["enum"].push_back(choice.value);
  // Other spellings (AllReduce, NVLS) are read too, which an enum would flag.
  if (type.canonical == nullptr) return out;
  return any_of({std::move(out), Json{{"type", "string"}}});
}

Json quantity_schema(const Type& type) {
  Json out;
  out["type"] = "string";
  out["description"] = fmt::format("a {}: {}", base::dimension_name(type.dimension),
                                   base::dimension_examples(type.dimension));
  out["pattern"] = R"(^\$?[0-9.+eE-]+ ?[A-Za-z/]*$)";
  return out;
}

Json index_item_schema() {
  return any_of({Json{{"type", "integer"}, {"minimum", 0}},
                 Json{{"type", "string"}, {"pattern", "^[0-9]+(-[0-9]+)?(/[0-9]+)?$"}}});
}

Json type_schema(const Type& type);

Json list_schema(const Type& type) {
  Json list;
  list["type"] = "array";
  list["items"] = type_schema(*type.element);
  if (type.least_items > 0) list["minItems"] = type.least_items;
  if (type.most_items < 1000000) list["maxItems"] = type.most_items;
  if (type.least_items > 1) return list;
  return any_of({std::move(list), type_schema(*type.element)});
}

Json map_schema(const Type& type) {
  Json out;
  out["type"] = "object";
  if (type.choices.empty()) {
    out["additionalProperties"] = type_schema(*type.element);
    return out;
  }
  for (const Choice& key : type.choices) out["properties"][key.value] = type_schema(*type.element);
  out["additionalProperties"] = false;
  return out;
}

Json structure_reference(const Structure& structure) {
  Json reference;
  reference["$ref"] = "#/$defs/" + definition_name(structure);
  if (structure.library.empty() && structure.short_for.empty()) return reference;
  Json name;
  name["type"] = "string";
  if (!structure.library.empty()) {
    name["description"] = fmt::format("a name from `windtunnel list {}`, or a path ending in .yaml",
                                      structure.library);
  } else {
    name = type_schema(structure.field(structure.short_for)->type);
  }
  return any_of({std::move(name), std::move(reference)});
}

Json plain_type_schema(const Type& type) {
  switch (type.kind) {
    case TypeKind::text:
      return Json{{"type", "string"}};
    case TypeKind::boolean:
      return Json{{"type", "boolean"}};
    case TypeKind::integer:
    case TypeKind::number: {
      Json out;
      out["type"] = type.kind == TypeKind::integer ? "integer" : "number";
      add_limits(out, type.limits);
      return out;
    }
    case TypeKind::quantity:
      return quantity_schema(type);
    case TypeKind::choice:
      return choice_schema(type);
    case TypeKind::percentage:
    case TypeKind::amount:
      return Json{{"type", Json::array({"number", "string"})}};
    case TypeKind::index_item:
      return index_item_schema();
    case TypeKind::index_list:
      return any_of({index_item_schema(), Json{{"type", "array"}, {"items", index_item_schema()}}});
    case TypeKind::list:
      return list_schema(type);
    case TypeKind::map:
      return map_schema(type);
    case TypeKind::structure:
      return structure_reference(type.structure());
    case TypeKind::either: {
      std::vector<Json> options;
      for (const Type& one : type.alternatives) options.push_back(type_schema(one));
      return any_of(std::move(options));
    }
    case TypeKind::anything:
      return Json::object();
  }
  return Json::object();
}

Json type_schema(const Type& type) {
  if (type.keywords.empty()) return plain_type_schema(type);
  Json words;
  for (const Choice& word : type.keywords) words["enum"].push_back(word.value);
  return any_of({std::move(words), plain_type_schema(type)});
}

std::string field_doc(const Field& field) {
  std::string doc = field.doc;
  if (!field.only_for.empty()) {
    doc += doc.empty() ? "only for kind " : "; only for kind ";
    for (std::size_t i = 0; i < field.only_for.size(); ++i)
      doc += (i == 0 ? "" : ", ") + field.only_for[i];
  }
  return doc;
}

Json field_schema(const Field& field) {
  Json out;
  if (!field.refusal.empty()) {
    out["not"] = Json::object();
    out["description"] = field.refusal;
    return out;
  }
  out = type_schema(field.type);
  if (const std::string doc = field_doc(field); !doc.empty()) out["description"] = doc;
  if (field.fallback) out["default"] = json_value(field.fallback_node);
  return out;
}

Json structure_schema(const Structure& structure) {
  Json out;
  out["type"] = "object";
  out["description"] = structure.doc;
  out["additionalProperties"] = false;
  Json required = Json::array();
  for (const Choice& base : structure.bases) {
    out["properties"][base.value] = Json{{"type", "string"}, {"description", base.doc}};
  }
  for (const Field& field : structure.fields) {
    out["properties"][field.name] = field_schema(field);
    for (const std::string& alias : field.aliases) out["properties"][alias] = field_schema(field);
    const bool always = field.required && field.only_for.empty() && field.aliases.empty();
    if (always && structure.bases.empty()) required.push_back(field.name);
  }
  for (const auto& [key, target] : structure.forwards) {
    out["properties"][key] = Json{{"description", fmt::format("short for {}", target)}};
  }
  // Parts of a cluster may be partial: they are laid over what `use` names.
  const bool partial = structure.name.starts_with("cluster.") && !structure.name.ends_with("[]");
  if (!required.empty() && !partial) out["required"] = required;
  return out;
}

}  // namespace

std::string json_schema() {
  Json out;
  out["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  out["title"] = "windtunnel scenario, version windtunnel/1";
  const Json root = structure_schema(scenario_structure());
  for (const auto& [key, value] : root.items()) out[key] = value;
  for (const Structure* structure : all_structures()) {
    if (structure != &scenario_structure())
      out["$defs"][definition_name(*structure)] = structure_schema(*structure);
  }
  return out.dump(2) + "\n";
}

}  // namespace windtunnel::scenarios

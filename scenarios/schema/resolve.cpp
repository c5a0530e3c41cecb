#include "scenarios/schema/resolve.hpp"

#include <fmt/format.h>

#include <utility>

#include "scenarios/schema/scalar.hpp"

namespace windtunnel::scenarios {
namespace {

Node invalid_like(const Node& node) {
  Node out;
  out.kind = NodeKind::invalid;
  out.where = node.where;
  return out;
}

class Resolver {
 public:
  explicit Resolver(base::Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  Node resolve(const Node& node, const Type& type, const std::string& name) {
    if (node.kind == NodeKind::invalid) return node;
    if (node.kind == NodeKind::null) return refuse(node, name + " has no value");
    if (type.keyword(node) != nullptr) return node;
    switch (type.kind) {
      case TypeKind::anything:
        return node;
      case TypeKind::list:
        return list(node, type, name);
      case TypeKind::index_list:
        return node.kind == NodeKind::sequence ? items(node, index_type(type), type, name)
                                               : scalar(node, type, name);
      case TypeKind::map:
        return map(node, type, name);
      case TypeKind::structure:
        return structure(node, type.structure(), name);
      case TypeKind::either:
        return either(node, type, name);
      default:
        return scalar(node, type, name);
    }
  }

 private:
  Node refuse(const Node& node, std::string message) {
    diagnostics_.error(node.where, std::move(message));
    return invalid_like(node);
  }

  Node refuse_kind(const Node& node, const Type& type, const std::string& name) {
    if (node.kind == NodeKind::scalar) {
      return refuse(node, fmt::format("{} has to be {}, not '{}'", name, wanted(type), node.text));
    }
    return refuse(node,
                  fmt::format("{} has to be {}, not {}", name, wanted(type), kind_name(node)));
  }

  Node scalar(const Node& node, const Type& type, const std::string& name) {
    if (node.kind != NodeKind::scalar) return refuse_kind(node, type, name);
    if (auto problem = scalar_problem(node, type, name)) return refuse(node, std::move(*problem));
    Node out = node;
    if (type.kind == TypeKind::choice && type.canonical != nullptr) {
      if (auto word = type.canonical(node.text)) out.text = *word;
    }
    if (type.kind != TypeKind::text) out.quoted = false;
    return out;
  }

  // Inside the brackets of an index list stand single numbers and ranges only.
  static Type index_type(const Type& list) {
    Type element = list;
    element.kind = TypeKind::index_item;
    element.keywords.clear();
    return element;
  }

  Node items(const Node& node, const Type& element, const Type& type, const std::string& name) {
    Node out = sequence_node(node.where);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      out.items.push_back(resolve(node.items[i], element, fmt::format("{}[{}]", name, i)));
    }
    if (out.items.size() < type.least_items || out.items.size() > type.most_items) {
      return refuse(node, fmt::format("{} has {} elements; it needs {} {}", name, out.items.size(),
                                      out.items.size() < type.least_items ? "at least" : "at most",
                                      out.items.size() < type.least_items ? type.least_items
                                                                          : type.most_items));
    }
    return out;
  }

  static bool can_stand_alone(const Node& node, const Type& element) {
    if (element.kind != TypeKind::structure) return node.kind == NodeKind::scalar;
    return node.kind == NodeKind::mapping || !element.structure().short_for.empty();
  }

  Node list(const Node& node, const Type& type, const std::string& name) {
    if (node.kind == NodeKind::sequence) return items(node, *type.element, type, name);
    // One element may stand without its brackets.
    Node wrapped = sequence_node(node.where);
    if (type.least_items > 1 || !can_stand_alone(node, *type.element)) {
      return refuse_kind(node, type, name);
    }
    wrapped.items.push_back(resolve(node, *type.element, name));
    return wrapped;
  }

  Node map(const Node& node, const Type& type, const std::string& name) {
    if (node.kind != NodeKind::mapping) return refuse_kind(node, type, name);
    Node out = mapping_node(node.where);
    for (const Entry& entry : node.entries) {
      if (auto problem = key_problem(entry.key, type, name)) {
        diagnostics_.error(entry.where, std::move(*problem));
        continue;
      }
      out.entries.push_back(
          {entry.key, entry.where, resolve(entry.value, *type.element, joined(name, entry.key))});
    }
    return out;
  }

  static std::optional<std::string> key_problem(const std::string& key, const Type& type,
                                                const std::string& name) {
    std::vector<std::string> known;
    for (const Choice& choice : type.choices) {
      if (choice.value == key) return std::nullopt;
      known.push_back(choice.value);
    }
    if (known.empty()) return std::nullopt;
    const std::string near = base::did_you_mean(key, known);
    return fmt::format("unknown key '{}' in {}{}", key, name,
                       near.empty() ? "; its keys are: " + listed(known) : near);
  }

  Node either(const Node& node, const Type& type, const std::string& name) {
    const Type* one = alternative_for(type, node);
    return one == nullptr ? refuse_kind(node, type, name) : resolve(node, *one, name);
  }

  Node structure(const Node& node, const Structure& table, const std::string& name) {
    if (node.kind == NodeKind::scalar && !table.short_for.empty()) {
      Node mapping = mapping_node(node.where);
      mapping.set(table.short_for, node);
      return structure(mapping, table, name);
    }
    if (node.kind != NodeKind::mapping) {
      return refuse(node,
                    node.kind == NodeKind::scalar
                        ? fmt::format("{} has to be a mapping, not '{}'", name, node.text)
                        : fmt::format("{} has to be a mapping, not {}", name, kind_name(node)));
    }
    if (refuses_kind(node, table, name)) return invalid_like(node);
    const std::string kind = kind_of(node, table);
    refuse_strangers(node, table, name, kind);
    Node out = mapping_node(node.where);
    for (const Field& field : table.fields) {
      if (auto value = member(node, field, name, kind)) out.set(field.name, std::move(*value));
    }
    return out;
  }

  // Which keys belong to a mapping is not known before its kind: one message, not one a key.
  bool refuses_kind(const Node& node, const Structure& table, const std::string& name) {
    const Field* field = table.field("kind");
    if (field == nullptr || !field->required || field->fallback) return false;
    const Node* given = node.find("kind");
    const bool known = given != nullptr && given->kind == NodeKind::scalar &&
                       !scalar_problem(*given, field->type, joined(name, field->name));
    if (!known) member(node, *field, name, "");
    return !known;
  }

  // The value of `kind`, its default where it is left out; empty where the table has none.
  static std::string kind_of(const Node& node, const Structure& table) {
    const Field* field = table.field("kind");
    if (field == nullptr) return "";
    if (const Node* given = node.find("kind")) return given->text;
    return field->fallback ? field->fallback_node.text : "";
  }

  void refuse_strangers(const Node& node, const Structure& table, const std::string& name,
                        const std::string& kind) {
    for (const Entry& entry : node.entries) {
      const Field* field = table.field(entry.key);
      if (field == nullptr) {
        diagnostics_.error(entry.where, stranger_text(entry.key, table, name));
      } else if (!field->refusal.empty()) {
        diagnostics_.error(entry.where, field->refusal);
      } else if (!field->applies_to(kind) && !kind.empty() && knows_kind(table, kind)) {
        diagnostics_.error(entry.where,
                           fmt::format("'{}' does not belong to {} of kind '{}'; it is for {}",
                                       entry.key, name, kind, listed(field->only_for)));
      }
    }
  }

  static bool knows_kind(const Structure& table, const std::string& kind) {
    for (const Choice& choice : table.field("kind")->type.choices) {
      if (choice.value == kind) return true;
    }
    return false;
  }

  static std::string listed(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
  }

  static std::string stranger_text(const std::string& key, const Structure& table,
                                   const std::string& name) {
    std::vector<std::string> known;
    for (const Field& field : table.fields) {
      if (!field.refusal.empty()) continue;
      known.push_back(field.name);
    }
    for (const Choice& base : table.bases) known.push_back(base.value);
    const std::string place = name.empty() ? "a scenario" : name;
    const std::string near = base::did_you_mean(key, known);
    if (!near.empty()) return fmt::format("unknown key '{}' in {}{}", key, place, near);
    return fmt::format("unknown key '{}' in {}; its keys are: {}", key, place, listed(known));
  }

  std::optional<Node> member(const Node& node, const Field& field, const std::string& name,
                             const std::string& kind) {
    if (!field.refusal.empty() || !field.applies_to(kind)) return std::nullopt;
    const std::string path = joined(name, field.name);
    const Node* given = node.find(field.name);
    for (std::size_t i = 0; given == nullptr && i < field.aliases.size(); ++i) {
      given = node.find(field.aliases[i]);
    }
    if (given != nullptr) return resolve(*given, field.type, path);
    if (field.fallback) {
      Node fallback = field.fallback_node;
      relocate(fallback, node.where);
      return resolve(fallback, field.type, path);
    }
    if (field.required) {
      diagnostics_.error(node.where, fmt::format("{} is missing ({}); it has to be {}", path,
                                                 field.doc, wanted(field.type)));
      return invalid_like(node);
    }
    return std::nullopt;
  }

  base::Diagnostics& diagnostics_;
};

}  // namespace

std::string joined(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

Node resolve(const Node& node, const Type& type, const std::string& name,
             base::Diagnostics& diagnostics) {
  return Resolver(diagnostics).resolve(node, type, name);
}

}  // namespace windtunnel::scenarios

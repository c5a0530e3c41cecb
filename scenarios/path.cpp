#include "scenarios/path.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/expand.hpp"
#include "scenarios/schema/resolve.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t dot = text.find('.', begin);
    parts.emplace_back(text.substr(begin, dot - begin));
    if (dot == std::string_view::npos) return parts;
    begin = dot + 1;
  }
}

// The table that a value of this type has, seen what stands there now; null where it is no mapping.
const Structure* table_of(const Type& type, const Node* present) {
  if (present != nullptr && present->kind == NodeKind::invalid) present = nullptr;
  if (type.kind == TypeKind::structure) return &type.structure();
  if (type.kind != TypeKind::either) return nullptr;
  if (present != nullptr) {
    const Type* chosen = alternative_for(type, *present);
    return chosen != nullptr && chosen->kind == TypeKind::structure ? &chosen->structure()
                                                                    : nullptr;
  }
  for (const Type& one : type.alternatives) {
    if (one.kind == TypeKind::structure && one.structure().selected_by.empty() &&
        one.structure().selected_kind.empty())
      return &one.structure();
  }
  return nullptr;
}

// The keys of a table that can be addressed, and those that are short for deeper ones.
std::vector<std::string> addressable(const Structure& table) {
  std::vector<std::string> keys;
  for (const Field& field : table.fields) {
    if (field.refusal.empty() && field.type.kind != TypeKind::anything) keys.push_back(field.name);
  }
  for (const auto& forward : table.forwards) keys.push_back(forward.first);
  for (const Choice& base : table.bases) keys.push_back(base.value);
  return keys;
}

// `use`, `hf`: what the table is taken from.
bool is_base(const Structure& table, std::string_view key) {
  return std::any_of(table.bases.begin(), table.bases.end(),
                     [&](const Choice& base) { return base.value == key; });
}

// Items of a list that are told apart by their `name`: the jobs of a mix.
bool has_named_items(const Type& type) {
  if (type.kind != TypeKind::list) return false;
  const Type& element = *type.element;
  const Type& one = element.kind == TypeKind::either ? element.alternatives.front() : element;
  return one.kind == TypeKind::structure && one.structure().field("name") != nullptr;
}

std::string name_of(const Node& item) {
  const Node* name = item.find("name");
  return name != nullptr && name->kind == NodeKind::scalar ? name->text : "";
}

const Node* item_named(const Node& list, const std::string& name) {
  const auto found = std::find_if(list.items.begin(), list.items.end(),
                                  [&](const Node& item) { return name_of(item) == name; });
  return found == list.items.end() ? nullptr : &*found;
}

struct Walk {
  const Node* present;  // what stands at the path so far, if anything
  const Type* type;     // what may stand there
  Path path;
};

// One key further; an error sentence where there is no such key.
std::optional<std::string> step(Walk& walk, const std::string& key) {
  const std::string here = to_text(walk.path);
  const auto descend = [&walk](const Type& type, const std::string& name) {
    walk.type = &type;
    walk.path.push_back(name);
    walk.present = walk.present == nullptr ? nullptr : walk.present->find(name);
  };
  if (walk.type->kind == TypeKind::map) {
    std::vector<std::string> known;
    for (const Choice& choice : walk.type->choices) known.push_back(choice.value);
    const bool is_known = std::find(known.begin(), known.end(), key) != known.end();
    if (key.empty() || (!known.empty() && !is_known)) {
      return fmt::format("{} has no '{}'{}", here, key, base::did_you_mean(key, known));
    }
    descend(*walk.type->element, key);
    return std::nullopt;
  }
  if (has_named_items(*walk.type) && walk.present != nullptr) {
    const Node* item = item_named(*walk.present, key);
    if (item == nullptr) {
      std::vector<std::string> known;
      for (const Node& one : walk.present->items) known.push_back(name_of(one));
      return fmt::format("{} has no '{}'{}", here, key, base::did_you_mean(key, known));
    }
    walk = {item, walk.type->element.get(), std::move(walk.path)};
    walk.path.push_back(key);
    return std::nullopt;
  }
  const Structure* table = table_of(*walk.type, walk.present);
  if (table == nullptr) return fmt::format("'{}' is one value and has no '{}' in it", here, key);
  const Field* field = table->field(key);
  if (field == nullptr && is_base(*table, key)) {
    static const Type kName = text_type();
    descend(kName, key);
    return std::nullopt;
  }
  if (field == nullptr) {
    const auto near = base::nearest_name(key, addressable(*table));
    return fmt::format("there is no '{}' in a scenario{}", joined(here, key),
                       near ? fmt::format("; did you mean '{}'?", joined(here, *near)) : "");
  }
  if (!field->refusal.empty()) return field->refusal;
  if (here.empty() && (field->name == "sweep" || field->name == "expect" ||
                       field->name == "schema" || field->name == "search")) {
    return fmt::format("'{}' cannot be swept or set{}", field->name,
                       field->name == "sweep" || field->name == "search"
                           ? ": write it in the file, or run several times with --set of one value"
                           : "");
  }
  descend(field->type, field->name);
  return std::nullopt;
}

// Replaces a key that is short for deeper ones, `gpu` in `cluster.gpu`.
std::vector<std::string> forwarded(const Walk& walk, const std::string& key) {
  if (const Structure* table = table_of(*walk.type, walk.present)) {
    for (const auto& [from, to] : table->forwards) {
      if (from == key) return split(to);
    }
  }
  return {key};
}

void assign_below(Node& node, const Type& type, const Path& path, std::size_t depth, Node value) {
  if (node.kind == NodeKind::invalid) return;  // its error is reported
  if (has_named_items(type) && node.kind == NodeKind::sequence) {
    const Node* item = item_named(node, path[depth]);
    if (item == nullptr) return;
    Node& here = node.items[static_cast<std::size_t>(item - node.items.data())];
    if (depth + 1 == path.size()) {
      here = std::move(value);
    } else {
      const Type* element = alternative_for(*type.element, here);
      assign_below(here, element == nullptr ? *type.element : *element, path, depth + 1,
                   std::move(value));
    }
    return;
  }
  const Structure* table = table_of(type, node.kind == NodeKind::mapping ? &node : nullptr);
  const std::string& key = path[depth];
  if (depth + 1 == path.size()) {
    if (key == "kind" && table != nullptr) drop_fields_of_other_kinds(node, *table, value.text);
    node.set(key, std::move(value));
    return;
  }
  const Field* field = table == nullptr ? nullptr : table->field(key);
  static const Type kAnything = type_of_kind(TypeKind::anything);
  const Type& below = field != nullptr ? field->type : kAnything;
  Node* next = node.find(key);
  if (next == nullptr) next = &node.set(key, mapping_node(value.where));
  const bool named = has_named_items(below) && next->kind == NodeKind::sequence;
  if (next->kind != NodeKind::mapping && next->kind != NodeKind::invalid && !named) {
    *next = mapping_node(value.where);
  }
  assign_below(*next, below, path, depth + 1, std::move(value));
}

}  // namespace

std::string to_text(const Path& path) {
  std::string out;
  for (const std::string& key : path) out = joined(out, key);
  return out;
}

std::optional<Path> canonical_path(std::string_view text, const Node& root,
                                   const base::SourceLocation& where,
                                   base::Diagnostics& diagnostics) {
  const Type type = scenario_type(root);
  Walk walk{&root, &type, {}};
  for (const std::string& part : split(text)) {
    for (const std::string& key : forwarded(walk, part)) {
      if (auto problem = step(walk, key)) {
        diagnostics.error(where, std::move(*problem));
        return std::nullopt;
      }
    }
  }
  return walk.path;
}

std::optional<Type> type_at(const Node& root, const Path& path) {
  const Type type = scenario_type(root);
  Walk walk{&root, &type, {}};
  for (const std::string& key : path) {
    if (step(walk, key)) return std::nullopt;
  }
  return *walk.type;
}

bool names_base(const Node& root, const Path& path) {
  if (path.size() < 2) return false;
  const auto above = type_at(root, {path.begin(), path.end() - 1});
  if (!above) return false;
  const Structure* table = table_of(*above, value_at(root, {path.begin(), path.end() - 1}));
  return table != nullptr && table->field(path.back()) == nullptr && is_base(*table, path.back());
}

const Node* value_at(const Node& root, const Path& path) {
  const Node* node = &root;
  for (const std::string& key : path) {
    if (node == nullptr) break;
    node = node->kind == NodeKind::sequence ? item_named(*node, key) : node->find(key);
  }
  return node;
}

void assign(Node& root, const Path& path, Node value) {
  assign_below(root, scenario_type(root), path, 0, std::move(value));
}

}  // namespace windtunnel::scenarios

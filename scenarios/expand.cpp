#include "scenarios/expand.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "models/networks/hugging_face.hpp"
#include "scenarios/document/parse.hpp"
#include "scenarios/document/source_text.hpp"
#include "scenarios/import_cluster.hpp"
#include "scenarios/import_model.hpp"
#include "scenarios/library.hpp"
#include "scenarios/schema/tables.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios {
namespace {

bool ends_in_yaml(std::string_view text) {
  return text.ends_with(".yaml") || text.ends_with(".yml");
}

bool names_file(std::string_view text) {
  for (const std::string_view ending : {".yaml", ".yml", ".xml", ".csv", ".jsonl", ".gz"}) {
    if (text.ends_with(ending)) return true;
  }
  return false;
}

// "cluster" of "clusters", "GPU" of "gpus": what an entry of a library is called.
std::string_view entry_word(std::string_view library) {
  if (library == "gpus") return "GPU";
  if (library == "clusters") return "cluster";
  if (library == "models") return "model";
  return library;
}

const Choice* base_of(const Node& mapping, const Structure& structure) {
  for (const Choice& base : structure.bases) {
    if (mapping.find(base.value) != nullptr) return &base;
  }
  return nullptr;
}

void replace(Node& mapping, Entry entry) {
  for (Entry& present : mapping.entries) {
    if (present.key == entry.key) {
      present = std::move(entry);
      return;
    }
  }
  mapping.entries.push_back(std::move(entry));
}

}  // namespace

struct Expander::Source {
  std::string key;
  std::string shown;
  std::optional<std::string_view> text;  // of a library entry; none: a file to read
};

std::string beside(const std::string& path, const std::string& naming_file) {
  std::filesystem::path folder = std::filesystem::path(naming_file).parent_path();
  if (naming_file.starts_with("--") || naming_file.starts_with("/dev/")) folder.clear();
  return (folder / path).lexically_normal().string();
}

std::string absolute_beside(const std::string& path, const std::string& naming_file) {
  return std::filesystem::absolute(beside(path, naming_file)).lexically_normal().string();
}

Expander::Expander(const std::string& scenario_file, base::Diagnostics& diagnostics)
    : diagnostics_(diagnostics) {
  open_.push_back({absolute_beside(scenario_file, ""), scenario_file});
}

void drop_fields_of_other_kinds(Node& mapping, const Structure& structure, std::string_view kind) {
  for (const Field& field : structure.fields) {
    if (!field.applies_to(kind)) mapping.erase(field.name);
  }
}

Node Expander::refuse(const Node& node, std::string message) {
  diagnostics_.error(node.where, std::move(message));
  Node out;
  out.kind = NodeKind::invalid;
  out.where = node.where;
  return out;
}

void Expander::expand(Node& node, const Type& declared) {
  const Type* type = alternative_for(declared, node);
  if (type == nullptr || node.kind == NodeKind::invalid || node.kind == NodeKind::null) return;
  if (type->keyword(node) != nullptr) return;
  switch (type->kind) {
    case TypeKind::structure:
      return expand_structure(node, type->structure());
    case TypeKind::list:
      if (node.kind != NodeKind::sequence) return expand(node, *type->element);
      for (Node& item : node.items) expand(item, *type->element);
      return;
    case TypeKind::map:
      for (Entry& entry : node.entries) expand(entry.value, *type->element);
      return;
    case TypeKind::text:
      if (type->path && names_file(node.text)) {
        node.text = absolute_beside(node.text, node.where.file);
      }
      return;
    default:
      return;
  }
}

void Expander::expand_structure(Node& node, const Structure& structure) {
  if (node.kind == NodeKind::scalar && !structure.library.empty()) {
    node = named(node, structure);
    return;
  }
  if (node.kind == NodeKind::scalar && !structure.short_for.empty()) {
    Node mapping = mapping_node(node.where);
    mapping.set(structure.short_for, node);
    node = std::move(mapping);
  }
  if (node.kind != NodeKind::mapping) return;
  canonical_keys(node, structure);
  if (const Choice* base = base_of(node, structure)) {
    apply_base(node, structure, *base);
  } else {
    expand_fields(node, structure);
  }
}

void Expander::expand_fields(Node& mapping, const Structure& structure) {
  for (Entry& entry : mapping.entries) {
    if (const Field* field = structure.field(entry.key)) expand(entry.value, field->type);
  }
}

// Keys under their own names, and keys that are short for deeper ones moved there.
void Expander::canonical_keys(Node& mapping, const Structure& structure) {
  for (Entry& entry : mapping.entries) {
    const Field* field = structure.field(entry.key);
    if (field == nullptr || field->name == entry.key) continue;
    if (mapping.find(field->name) != nullptr) {
      diagnostics_.error(
          entry.where,
          fmt::format("'{}' and '{}' are the same key: give one of them", entry.key, field->name));
    } else {
      entry.key = field->name;
    }
  }
  for (const auto& [key, target] : structure.forwards) {
    const auto found =
        std::find_if(mapping.entries.begin(), mapping.entries.end(),
                     [&, &short_key = key](const Entry& e) { return e.key == short_key; });
    if (found == mapping.entries.end()) continue;
    Entry entry = std::move(*found);
    mapping.entries.erase(found);
    const std::size_t dot = target.find('.');
    Node* outer = mapping.find(target.substr(0, dot));
    if (outer == nullptr) outer = &mapping.set(target.substr(0, dot), mapping_node(entry.where));
    entry.key = target.substr(dot + 1);
    if (outer->find(entry.key) != nullptr) {
      diagnostics_.error(entry.where,
                         fmt::format("'{}' is short for '{}', which is given too", key, target));
    } else if (outer->kind == NodeKind::mapping) {
      outer->entries.push_back(std::move(entry));
    }
  }
}

void Expander::apply_base(Node& mapping, const Structure& structure, const Choice& base_key) {
  const Node reference = *mapping.find(base_key.value);
  mapping.erase(base_key.value);
  if (const Choice* second = base_of(mapping, structure)) {
    mapping = refuse(*mapping.find(second->value), fmt::format("'{}' and '{}' exclude each other",
                                                               base_key.value, second->value));
    return;
  }
  const bool file = base_key.value == "nccl_topo" || base_key.value == "hf";
  const bool own_mtp = mapping.find("mtp_layers") != nullptr;
  Node base = base_key.value == "hf" && own_mtp ? import_with_own_mtp(reference)
              : file                            ? imported(reference, base_key.value)
                                                : named(reference, structure);
  if (base.kind != NodeKind::mapping) {
    mapping = std::move(base);
    return;
  }
  overlay(base, std::move(mapping), structure);
  mapping = std::move(base);
}

// `over` has canonical keys and no base of its own.
void Expander::overlay(Node& base, Node over, const Structure& structure) {
  base.where = over.where;
  const Node* old_kind = base.find("kind");
  const Node* new_kind = over.find("kind");
  if (old_kind != nullptr && new_kind != nullptr && old_kind->text != new_kind->text) {
    drop_fields_of_other_kinds(base, structure, new_kind->text);
  }
  for (Entry& entry : over.entries) {
    const Field* field = structure.field(entry.key);
    overlay_field(base, std::move(entry), field);
  }
}

void Expander::overlay_field(Node& base, Entry entry, const Field* field) {
  Node* present = base.find(entry.key);
  const Type* type = field == nullptr ? nullptr : alternative_for(field->type, entry.value);
  const bool deep = present != nullptr && present->kind == NodeKind::mapping && type != nullptr &&
                    type->kind == TypeKind::structure && entry.value.kind == NodeKind::mapping;
  if (deep) {
    const Structure& structure = type->structure();
    canonical_keys(entry.value, structure);
    if (base_of(entry.value, structure) == nullptr) {
      overlay(*present, std::move(entry.value), structure);
      return;
    }
  }
  if (type != nullptr) expand(entry.value, field->type);
  replace(base, std::move(entry));
}

Node Expander::named(const Node& reference, const Structure& structure) {
  if (reference.kind != NodeKind::scalar) {
    return refuse(reference, fmt::format("'use' has to be a name or a path ending in .yaml, not {}",
                                         kind_name(reference)));
  }
  if (ends_in_yaml(reference.text)) {
    return loaded(reference, structure,
                  {absolute_beside(reference.text, reference.where.file),
                   beside(reference.text, reference.where.file), std::nullopt});
  }
  const auto text = library_text(structure.library, reference.text);
  if (!text) {
    const std::vector<std::string> names = library_names(structure.library);
    return refuse(
        reference,
        fmt::format("there is no {} '{}' in the library{} (`windtunnel list {}` shows all)",
                    entry_word(structure.library), reference.text,
                    base::did_you_mean(reference.text, names), structure.library));
  }
  const std::string path = library_path(structure.library, reference.text);
  return loaded(reference, structure, {path, path, text});
}

// A library entry or a file as an expanded mapping.
Node Expander::loaded(const Node& reference, const Structure& structure, const Source& source) {
  for (auto open = open_.begin(); open != open_.end(); ++open) {
    if (open->key != source.key) continue;
    std::string chain;
    for (; open != open_.end(); ++open) chain += open->shown + " -> ";
    return refuse(reference,
                  fmt::format("files use each other in a circle: {}{}", chain, source.shown));
  }
  const auto known = known_.find(source.key);
  if (known != known_.end()) {
    Node copy = known->second;
    copy.where = reference.where;
    return copy;
  }
  std::string content;
  try {
    content = source.text ? std::string(*source.text) : read_file(source.shown);
  } catch (const base::EnvironmentError& error) {
    return refuse(reference, error.what());
  }
  auto root = parse_yaml(content, source.shown, diagnostics_);
  if (!root) {
    Node out;
    out.kind = NodeKind::invalid;
    out.where = reference.where;
    return out;
  }
  if (root->kind != NodeKind::mapping) {
    return refuse(*root,
                  fmt::format("a {} file has to hold a mapping", entry_word(structure.library)));
  }
  open_.push_back({source.key, source.shown});
  expand_structure(*root, structure);
  open_.pop_back();
  root->where = reference.where;
  known_[source.key] = *root;
  return std::move(*root);
}

// A config whose modules of multi-token prediction the user counts: nothing to warn of.
Node Expander::import_with_own_mtp(const Node& reference) {
  base::Diagnostics found;
  Node model = import_hugging_face(reference, beside(reference.text, reference.where.file), found);
  for (const base::Diagnostic& one : found.all()) {
    if (!one.message.starts_with(models::kMtpKey)) diagnostics_.add(one);
  }
  return model;
}

// What another tool's file describes, as an expanded mapping.
Node Expander::imported(const Node& reference, const std::string& key) {
  if (reference.kind != NodeKind::scalar) {
    return refuse(reference,
                  fmt::format("'{}' has to be a path, not {}", key, kind_name(reference)));
  }
  const std::string path = beside(reference.text, reference.where.file);
  if (key == "hf") return import_hugging_face(reference, path, diagnostics_);
  Node cluster = import_nccl_topology(reference, path, diagnostics_);
  expand_fields(cluster, cluster_structure());
  return cluster;
}

}  // namespace windtunnel::scenarios

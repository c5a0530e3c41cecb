#include "scenarios/schema/reference.hpp"

#include <fmt/format.h>

#include <cmath>

#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

constexpr std::string_view kHead = R"(# The scenario file

Generated from the tables in `scenarios/schema`: `windtunnel schema --format markdown` prints it, and a test
keeps it current. The same tables check every scenario, fill its defaults and make the JSON Schema.

A scenario is one YAML file: plain mappings and lists, no anchors, aliases, merge keys or tags.
Physical values carry their unit: `400Gb/s` is bits, `50GB/s` is bytes; k M G T P are powers of 1000, Ki Mi
Gi Ti of 1024. A list of one element may stand without its brackets.

Paths in `sweep`, `--set` and `when` address the scenario after every name is replaced by what it stands for,
so `cluster.node.nics.bandwidth` can be swept where the cluster is a name. Where a `kind` changes, the fields
that the new kind does not have are dropped. A job of a mix is addressed by its name:
`workload.jobs.chat.strategy.tensor`.
)";

std::string code(const std::string& text) {
  return text.empty() ? "" : "`" + text + "`";
}

// In a table cell a bar ends the cell.
std::string cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) {
    text.insert(at, "\\");
  }
  return text;
}

std::string words(const std::vector<Choice>& choices) {
  std::string out;
  for (const Choice& choice : choices) out += (out.empty() ? "" : ", ") + code(choice.value);
  return out;
}

std::string range_text(const Type& type) {
  const auto bound = [&](double value) {
    if (value == 0.0) return std::string("0");
    return type.kind == TypeKind::quantity ? base::exact_text(value, type.dimension)
                                           : fmt::format("{}", value);
  };
  std::string out;
  if (std::isfinite(type.limits.minimum)) {
    out = fmt::format("{} {}",
                      type.limits.exclusive_minimum ? ">" : ">=", bound(type.limits.minimum));
  }
  if (std::isfinite(type.limits.maximum)) {
    out += fmt::format("{}<= {}", out.empty() ? "" : ", ", bound(type.limits.maximum));
  }
  return out;
}

std::string type_text(const Type& type);

std::string plain_type_text(const Type& type) {
  switch (type.kind) {
    case TypeKind::text:
      return type.path ? "text or path" : "text";
    case TypeKind::boolean:
      return "`true` or `false`";
    case TypeKind::integer:
      return "whole number";
    case TypeKind::number:
      return "number";
    case TypeKind::quantity:
      return std::string(base::dimension_name(type.dimension));
    case TypeKind::choice:
      return words(type.choices);
    case TypeKind::percentage:
      return "share (10% or 0.1)";
    case TypeKind::index_item:
      return "number or range (0-7)";
    case TypeKind::index_list:
      return "list of numbers and ranges";
    case TypeKind::amount:
      return "number or quantity";
    case TypeKind::list:
      return "list of: " + type_text(*type.element);
    case TypeKind::map:
      return fmt::format("mapping {} to: {}",
                         type.choices.empty() ? "of names" : "of " + words(type.choices),
                         type_text(*type.element));
    case TypeKind::structure:
      return "mapping `" + type.structure().name + "`";
    case TypeKind::either: {
      std::string out;
      for (const Type& one : type.alternatives)
        out += (out.empty() ? "" : ", or ") + type_text(one);
      return out;
    }
    case TypeKind::anything:
      return "any";
  }
  return "";
}

std::string type_text(const Type& type) {
  std::string out = plain_type_text(type);
  if (!type.keywords.empty()) out += " or " + words(type.keywords);
  return out;
}

std::string meaning(const Field& field) {
  std::string out = field.refusal.empty() ? field.doc : field.refusal;
  const auto add = [&out](const std::string& sentence) {
    out += (out.empty() ? "" : "; ") + sentence;
  };
  for (const Choice& word : field.type.keywords) add(fmt::format("`{}`: {}", word.value, word.doc));
  for (const Choice& choice : field.type.choices) {
    if (!choice.doc.empty()) add(fmt::format("`{}`: {}", choice.value, choice.doc));
  }
  if (!field.aliases.empty()) add("also spelled " + code(field.aliases.front()));
  if (!field.only_for.empty()) {
    std::string kinds;
    for (const std::string& kind : field.only_for)
      kinds += (kinds.empty() ? "" : ", ") + code(kind);
    add("only for kind " + kinds);
  }
  return out;
}

std::string row(const Field& field) {
  const Type& type = field.type;
  const Type& bounded = type.kind == TypeKind::list && type.element ? *type.element : type;
  std::string fallback = field.fallback ? code(*field.fallback) : "";
  if (field.required) fallback = "required";
  return fmt::format("| `{}` | {} | {} | {} | {} |\n", field.name, cell(type_text(type)),
                     cell(fallback), cell(range_text(bounded)), cell(meaning(field)));
}

std::string section(const Structure& structure) {
  std::string out = fmt::format(
      "\n## {}\n\n{}\n\n", structure.name.empty() ? "scenario" : structure.name, structure.doc);
  out += "| key | value | default | range | meaning |\n| --- | --- | --- | --- | --- |\n";
  for (const Choice& base : structure.bases) {
    out += fmt::format("| `{}` | text or path |  |  | {} |\n", base.value, cell(base.doc));
  }
  for (const auto& [key, target] : structure.forwards) {
    out += fmt::format("| `{}` |  |  |  | short for `{}` |\n", key, target);
  }
  for (const Field& field : structure.fields) out += row(field);
  return out;
}

std::string algorithms_section() {
  std::string out = "\n## Algorithms\n\n";
  const Field* field = collective_structure().field("algorithms");
  for (const Choice& choice : field->type.element->choices) {
    out += fmt::format("- `{}`: {}\n", choice.value, choice.doc);
  }
  return out;
}

std::string kinds_not_built() {
  std::string out;
  for (const std::string& kind : unbuilt_workload_kinds())
    out += (out.empty() ? "" : ", ") + code(kind);
  return fmt::format("\nWorkload kinds that are not built yet, and say so: {}.\n", out);
}

}  // namespace

std::string reference_page() {
  std::string out(kHead);
  for (const Structure* structure : all_structures()) {
    out += section(*structure);
    if (structure == &collective_structure()) out += kinds_not_built();
  }
  return out + algorithms_section();
}

}  // namespace windtunnel::scenarios

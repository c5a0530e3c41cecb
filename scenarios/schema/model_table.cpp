#include "scenarios/schema/model_table.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

#include "models/networks/model_fields.hpp"
#include "scenarios/schema/bind.hpp"

namespace windtunnel::scenarios {
namespace {

using models::Model;
using models::ModelField;
using models::ModelFieldType;

Type type_of(const ModelField& field) {
  const auto integer = [&] { return integer_type(field.minimum, field.maximum); };
  switch (field.type) {
    case ModelFieldType::integer:
      return integer();
    case ModelFieldType::number:
      return number_type({.minimum = field.minimum, .maximum = field.maximum});
    case ModelFieldType::flag:
      return boolean_type();
    case ModelFieldType::choice: {
      std::vector<Choice> choices;
      for (const auto& [word, meaning] : field.choices) choices.push_back({word, meaning});
      return choice_type(std::move(choices));
    }
    case ModelFieldType::integers:
      return list_type(integer());
  }
  return text_type();
}

std::string yaml_of(const ModelField& field, const std::vector<std::string>& texts) {
  if (field.type == ModelFieldType::integers) return fmt::format("[{}]", fmt::join(texts, ", "));
  return texts.empty() ? "" : texts.front();
}

std::vector<std::string> texts_of(const Node& node) {
  if (node.kind != NodeKind::sequence) return {node.text};
  std::vector<std::string> texts;
  for (const Node& item : node.items) texts.push_back(item.text);
  return texts;
}

// The row that a bound model's kind has under this name.
void set_field(const std::string& name, const Node& node, Model& model) {
  const ModelField* field = models::model_field(models::kind_of(model), name);
  if (field != nullptr) field->set(texts_of(node), model.architecture);
}

Field row_of(const ModelField& field, std::string key) {
  Field row = bound_by<Model>(
      [name = field.name](const Node& node, Model& model) { set_field(name, node, model); },
      {.name = std::move(key),
       .type = type_of(field),
       .required = field.required,
       .doc = field.doc});
  if (!field.required) row.fallback = yaml_of(field, models::default_of(field));
  return row;
}

struct Group {
  const char* name;
  const char* doc;
  const Structure& (*structure)();
};
const std::vector<Group>& groups();

// Rows "moe.experts", "moe.top_k", ... as a mapping of their own.
Structure group_table(const std::string& name, const char* doc) {
  Structure table{.name = "model." + name, .doc = doc};
  const std::string prefix = name + ".";
  for (const ModelField& field : models::model_fields()) {
    if (!field.name.starts_with(prefix)) continue;
    table.fields.push_back(row_of(field, field.name.substr(prefix.size())));
  }
  return finished(std::move(table));
}

const Structure& moe_structure() {
  static const Structure kTable =
      group_table("moe", "Experts in place of the MLP, of which each token visits a few.");
  return kTable;
}
const Structure& mla_structure() {
  static const Structure kTable = group_table("mla", "Multi-head latent attention (DeepSeek-V2).");
  return kTable;
}
const Structure& sliding_structure() {
  static const Structure kTable = group_table("sliding", "Attention to the last tokens only.");
  return kTable;
}
const Structure& scan_structure() {
  static const Structure kTable = group_table(
      "scan", "Layers that scan the sequence instead of attending (Mamba-2, DeltaNet).");
  return kTable;
}
const Structure& biases_structure() {
  static const Structure kTable = group_table("biases", "Which layers add a bias.");
  return kTable;
}
const Structure& vision_structure() {
  static const Structure kTable = group_table("vision", "The image that role `vision` reads.");
  return kTable;
}

const std::vector<Group>& groups() {
  static const std::vector<Group> kGroups{{"moe", "a mixture of experts", moe_structure},
                                          {"mla", "latent attention", mla_structure},
                                          {"sliding", "a window on attention", sliding_structure},
                                          {"scan", "layers without attention", scan_structure},
                                          {"biases", "which layers have one", biases_structure},
                                          {"vision", "the image that is read", vision_structure}};
  return kGroups;
}

Field group_field(const Group& group) {
  Field field{.name = group.name,
              .type = structure_type(group.structure),
              .fallback = "{}",
              .doc = group.doc,
              .only_for = {"transformer"}};
  field.bind = [structure = group.structure](const Node& node, void* model) {
    bind_structure(structure(), node, model);
  };
  return field;
}

Field kind_field() {
  std::vector<Choice> kinds{{"transformer", "decoder, encoder, or both"},
                            {"convolutional", "ResNet, VGG, AlexNet, RetinaNet, 3D-UNet"},
                            {"diffusion_unet", "UNet of latent diffusion"},
                            {"recommendation", "DLRM"},
                            {"recurrent", "LSTM"},
                            {"feed_forward", "linear layers; one alone: linear, logistic"}};
  return bound_by<Model>(
      [](const Node& node, Model& model) {
        model.architecture = *models::architecture_of_kind(node.text);
      },
      {.name = "kind",
       .type = choice_type(std::move(kinds)),
       .fallback = "transformer",
       .doc = "what the network is made of"});
}

// A row for every name; kinds that share a name (layers, hidden, vocab) share the row.
void add_rows(Structure& table) {
  for (const ModelField& field : models::model_fields()) {
    if (field.name.find('.') != std::string::npos) continue;
    const auto same = std::find_if(table.fields.begin(), table.fields.end(),
                                   [&](const Field& row) { return row.name == field.name; });
    if (same != table.fields.end()) {
      same->only_for.push_back(field.kind);
      continue;
    }
    Field row = row_of(field, field.name);
    row.only_for = {field.kind};
    table.fields.push_back(std::move(row));
  }
}

std::vector<Field> head_fields() {
  return {kind_field(),
          bound(&Model::name, {.name = "name",
                               .type = text_type(),
                               .fallback = "custom",
                               .doc = "what results call it"}),
          bound(&Model::description,
                {.name = "description", .type = text_type(), .doc = "one line for people"}),
          bound(&Model::source,
                {.name = "source", .type = text_type(), .doc = "where the figures are published"})};
}

// Sets `name` ("moe.experts") in a mapping of mappings.
void set_nested(Node& mapping, const std::string& name, Node value) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) {
    mapping.set(name, std::move(value));
    return;
  }
  Node* group = mapping.find(name.substr(0, dot));
  if (group == nullptr) group = &mapping.set(name.substr(0, dot), mapping_node({}));
  group->set(name.substr(dot + 1), std::move(value));
}

}  // namespace

const Structure& model_structure() {
  static const Structure kTable = [] {
    Structure table{
        .name = "model",
        .doc =
            "A network. A name from `windtunnel list models`, a Hugging Face config.json by "
            "`hf: PATH`, `use: NAME` with what differs, or its figures.",
        .library = "models",
        .bases = {{"use", "a model by name or a path ending in .yaml; the other keys override it"},
                  {"hf", "a Hugging Face config.json; the other keys override it"}}};
    for (Field& field : head_fields()) table.fields.push_back(std::move(field));
    add_rows(table);
    for (const Group& group : groups()) table.fields.push_back(group_field(group));
    return finished(std::move(table));
  }();
  return kTable;
}

std::vector<const Structure*> model_structures() {
  std::vector<const Structure*> all{&model_structure()};
  for (const Group& group : groups()) all.push_back(&group.structure());
  return all;
}

Node model_node(const models::Model& model, const base::SourceLocation& where) {
  Node mapping = mapping_node({});
  mapping.set("kind", scalar_node(std::string(models::kind_of(model)), {}));
  for (const auto& [key, text] :
       {std::pair{"name", model.name}, std::pair{"description", model.description},
        std::pair{"source", model.source}}) {
    if (text.empty()) continue;
    Node value = scalar_node(text, {});
    value.quoted = true;
    mapping.set(key, std::move(value));
  }
  for (const ModelField& field : models::model_fields()) {
    if (field.kind != models::kind_of(model)) continue;
    const std::vector<std::string> texts = field.get(model.architecture);
    if (!field.required && texts == models::default_of(field)) continue;
    Node value = sequence_node({});
    for (const std::string& text : texts) value.items.push_back(scalar_node(text, {}));
    if (field.type != ModelFieldType::integers) value = std::move(value.items.front());
    set_nested(mapping, field.name, std::move(value));
  }
  relocate(mapping, where);
  return mapping;
}

}  // namespace windtunnel::scenarios

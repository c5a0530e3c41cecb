// The figures of a model that a YAML mapping may state: one table from which the library's files are
// read, the scenario schema (loader, JSON Schema, reference page) is made, and a model is written
// out again. A new figure is one row.
//
// Values pass through as text, checked by the reader against `type` and `minimum` before set().
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/networks/model.hpp"

namespace windtunnel::models {

enum class ModelFieldType { integer, number, flag, choice, integers };

struct ModelField {
  std::string name{};  // "layers", or "moe.experts" for `moe: {experts: ...}`
  std::string kind{};  // of model that has it
  ModelFieldType type = ModelFieldType::integer;
  std::vector<std::pair<std::string, std::string>> choices{};  // word, what it means
  double minimum = 0;
  double maximum = 2147483647;
  bool required = false;
  std::string doc{};
  // Pre: the architecture is of `kind`; one text, or one an item of a list.
  std::function<void(const std::vector<std::string>&, Architecture&)> set{};
  std::function<std::vector<std::string>(const Architecture&)> get{};
};

const std::vector<ModelField>& model_fields();
const ModelField* model_field(std::string_view kind, std::string_view name);  // null: none
// The value a field has where nothing is said.
std::vector<std::string> default_of(const ModelField& field);

}  // namespace windtunnel::models

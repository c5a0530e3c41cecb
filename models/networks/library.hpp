// Models by name: one YAML file a model in models/library, embedded in the program.
//
// A name is spelled family, version with a dot, dash, size, lower case (llama3.1-70b). Case, blanks,
// underscores and dashes (but between two digits) do not matter when a name is looked up, an
// organization before a slash and a variant at the end are left out
// ("meta-llama/Llama-3.1-70B-Instruct"), and each file may state aliases.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/networks/model.hpp"

namespace windtunnel::models {

std::vector<std::string> model_names();  // in alphabetical order
// The library's name for a spelling; nothing where it names no model.
std::optional<std::string> canonical_model_name(std::string_view spelling);
// Complete: it can be built as it is.
std::optional<Model> model_by_name(std::string_view spelling);

std::vector<std::string> model_aliases(std::string_view name);
// The text of a model's file and the path it has in the source tree. Pre for the path: a name.
std::optional<std::string_view> model_file_text(std::string_view name);
std::string model_file_path(std::string_view name);

}  // namespace windtunnel::models

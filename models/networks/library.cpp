#include "models/networks/library.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <utility>

#include "models/networks/model_fields.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/embedded.hpp"

namespace windtunnel::embedded {
std::span<const base::EmbeddedFile> model_files();
}  // namespace windtunnel::embedded

namespace windtunnel::models {
namespace {

constexpr std::string_view kFolder = "library/";
constexpr std::string_view kExtension = ".yaml";

std::string name_of(const base::EmbeddedFile& file) {
  std::string_view name = file.name;
  name.remove_prefix(kFolder.size());
  name.remove_suffix(kExtension.size());
  return std::string(name);
}

const base::EmbeddedFile* file_of(std::string_view name) {
  for (const base::EmbeddedFile& file : embedded::model_files()) {
    if (name_of(file) == name) return &file;
  }
  return nullptr;
}

bool is_separator(char letter) {
  return letter == '-' || letter == '_' || letter == ' ';
}

// Parts of a published name that do not change the network: tuning, date, storage format.
bool is_variant(std::string_view part) {
  constexpr std::array<std::string_view, 13> kVariants{"instruct", "chat", "hf",    "base", "it",
                                                       "2507",     "fp8",  "nvfp4", "bf16", "0528",
                                                       "v0.1",     "v0.2", "v0.3"};
  return std::find(kVariants.begin(), kVariants.end(), part) != kVariants.end();
}

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

// Lower-case parts of a spelling, without its organization.
std::vector<std::string> parts_of(std::string_view spelling) {
  const std::size_t slash = spelling.rfind('/');
  if (slash != std::string_view::npos) spelling.remove_prefix(slash + 1);
  std::vector<std::string> parts(1);
  for (const char letter : spelling) {
    if (!is_separator(letter)) {
      parts.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    } else if (!parts.back().empty()) {
      parts.emplace_back();
    }
  }
  return parts;
}

// Parts in a row, with a dash only between two digits: llama2-70b is Llama 2 70B, but gpt-22b is
// not gpt2-2b.
std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty() && !part.empty() && is_digit(out.back()) && is_digit(part.front())) out += '-';
    out += part;
  }
  return out;
}

std::optional<std::string> name_like(const std::string& wanted) {
  for (const base::EmbeddedFile& file : embedded::model_files()) {
    const std::string name = name_of(file);
    if (joined(parts_of(name)) == wanted) return name;
    for (const std::string& alias : model_aliases(name)) {
      if (joined(parts_of(alias)) == wanted) return name;
    }
  }
  return std::nullopt;
}

void take(const std::string& name, const YAML::Node& value, Model& model) {
  if (value.IsMap()) {
    for (const auto& entry : value) {
      take(name + "." + entry.first.as<std::string>(), entry.second, model);
    }
    return;
  }
  const ModelField* field = model_field(kind_of(model), name);
  base::ensures(field != nullptr, "a library model has a figure without a row: " + name);
  std::vector<std::string> texts;
  if (value.IsSequence()) {
    for (const auto& item : value) texts.push_back(item.as<std::string>());
  } else {
    texts.push_back(value.as<std::string>());
  }
  field->set(texts, model.architecture);
}

Model read(const base::EmbeddedFile& file) {
  const YAML::Node root = YAML::Load(std::string(file.content));
  Model model;
  const YAML::Node kind = root["kind"];
  auto architecture = architecture_of_kind(kind ? kind.as<std::string>() : "transformer");
  base::ensures(architecture.has_value(), "a library model is of a known kind");
  model.architecture = std::move(*architecture);
  for (const auto& entry : root) {
    const auto key = entry.first.as<std::string>();
    if (key == "kind") continue;
    if (key == "name") {
      model.name = entry.second.as<std::string>();
    } else if (key == "description") {
      model.description = entry.second.as<std::string>();
    } else if (key == "source") {
      model.source = entry.second.as<std::string>();
    } else {
      take(key, entry.second, model);
    }
  }
  base::Diagnostics diagnostics;
  const std::string path = model_file_path(name_of(file));
  auto completed = complete(std::move(model), {.file = path}, diagnostics);
  base::ensures(completed.has_value(), diagnostics.to_text());
  return std::move(*completed);
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const base::EmbeddedFile& file : embedded::model_files()) names.push_back(name_of(file));
  std::sort(names.begin(), names.end());
  return names;
}

// Read without a YAML parser: a name has to be found quickly, and the line is the library's own.
std::vector<std::string> model_aliases(std::string_view name) {
  constexpr std::string_view kKey = "\n# aliases: [";
  std::vector<std::string> aliases;
  const base::EmbeddedFile* file = file_of(name);
  if (file == nullptr) return aliases;
  const std::size_t key = file->content.find(kKey);
  if (key == std::string_view::npos) return aliases;
  std::string_view list = file->content.substr(key + kKey.size());
  list = list.substr(0, list.find(']'));
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    aliases.emplace_back(one);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return aliases;
}

std::optional<std::string> canonical_model_name(std::string_view spelling) {
  if (file_of(spelling) != nullptr) return std::string(spelling);
  std::vector<std::string> parts = parts_of(spelling);
  if (joined(parts).empty()) return std::nullopt;
  if (auto name = name_like(joined(parts))) return name;
  // Without the variants at its end.
  const std::size_t all = parts.size();
  if (parts.size() > 1 && parts.front() == "meta") parts.erase(parts.begin());  // Meta-Llama-3-8B
  while (parts.size() > 1 && (parts.back().empty() || is_variant(parts.back()))) parts.pop_back();
  return parts.size() < all ? name_like(joined(parts)) : std::nullopt;
}

std::optional<Model> model_by_name(std::string_view spelling) {
  const auto name = canonical_model_name(spelling);
  if (!name) return std::nullopt;
  return read(*file_of(*name));
}

std::optional<std::string_view> model_file_text(std::string_view name) {
  const base::EmbeddedFile* file = file_of(name);
  if (file == nullptr) return std::nullopt;
  return file->content;
}

std::string model_file_path(std::string_view name) {
  return fmt::format("models/library/{}.yaml", name);
}

}  // namespace windtunnel::models

#include "scenarios/library.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "collectives/collective.hpp"
#include "models/networks/library.hpp"
#include "scenarios/document/parse.hpp"
#include "sim/base/embedded.hpp"

namespace windtunnel::embedded {
std::span<const base::EmbeddedFile> scenario_library();
std::span<const base::EmbeddedFile> gpu_sheets();
std::span<const base::EmbeddedFile> model_files();
std::span<const base::EmbeddedFile> shipped_profiles();
}  // namespace windtunnel::embedded

namespace windtunnel::scenarios {
namespace {

constexpr std::string_view kExtension = ".yaml";

// Where the files of a kind are: the embedded set, the folder in it, that set's folder in the
// source tree.
struct Shelf {
  std::string_view kind;
  std::span<const base::EmbeddedFile> (*files)();
  std::string_view folder;
  std::string_view source_folder;
};

constexpr std::array<Shelf, 5> kShelves{
    {{"clusters", embedded::scenario_library, "clusters/", "scenarios/library/"},
     {"gpus", embedded::gpu_sheets, "gpus/", "models/"},
     {"models", embedded::model_files, "library/", "models/"},
     {"profiles", embedded::shipped_profiles, "profiles/", "calibration/"},
     {"scenarios", embedded::scenario_library, "", "scenarios/library/"}}};

const Shelf* shelf_of(std::string_view kind) {
  const auto found = std::find_if(kShelves.begin(), kShelves.end(),
                                  [&](const Shelf& one) { return one.kind == kind; });
  return found == kShelves.end() ? nullptr : &*found;
}

// The name that a file has on a shelf; nothing where it stands on another.
std::optional<std::string> name_on(const Shelf& shelf, std::string_view file) {
  if (!file.starts_with(shelf.folder) || !file.ends_with(kExtension)) return std::nullopt;
  if (shelf.folder.empty() && file.starts_with("clusters/")) return std::nullopt;
  file.remove_prefix(shelf.folder.size());
  file.remove_suffix(kExtension.size());
  return std::string(file);
}

}  // namespace

std::vector<std::string> library_kinds() {
  return {"clusters", "gpus", "models", "profiles", "scenarios", "algorithms"};
}

std::vector<std::string> library_names(std::string_view kind) {
  std::vector<std::string> names;
  if (kind == "algorithms") {
    for (const auto algorithm : collectives::kAlgorithms) names.emplace_back(to_text(algorithm));
    return names;
  }
  const Shelf* shelf = shelf_of(kind);
  if (shelf == nullptr) return names;
  for (const base::EmbeddedFile& file : shelf->files()) {
    if (auto name = name_on(*shelf, file.name)) names.push_back(std::move(*name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::string_view> library_text(std::string_view kind, std::string_view name) {
  const Shelf* shelf = shelf_of(kind);
  if (shelf == nullptr) return std::nullopt;
  std::string alias;  // models have several spellings
  if (kind == "models") {
    alias = models::canonical_model_name(name).value_or("");
    name = alias;
  }
  for (const base::EmbeddedFile& file : shelf->files()) {
    if (name_on(*shelf, file.name) == name) return file.content;
  }
  return std::nullopt;
}

std::string_view library_head(std::string_view kind, std::string_view name) {
  const std::string_view text = library_text(kind, name).value_or("");
  for (const std::string_view section : {"\ncomponents:", "\nfabrics:", "\nshared:"})
    if (kind == "profiles" && text.find(section) != std::string_view::npos)
      return text.substr(0, text.find(section) + 1);
  return text;
}

std::string library_description(std::string_view kind, std::string_view name) {
  if (kind == "algorithms") {
    const auto algorithm = collectives::algorithm_from_text(name);
    return algorithm ? std::string(collectives::description(*algorithm)) : "";
  }
  const std::string_view text = library_head(kind, name);
  if (text.empty()) return "";
  base::Diagnostics diagnostics;
  const auto root = parse_yaml(text, library_path(kind, name), diagnostics);
  if (!root) return "";
  for (const std::string_view key : {"description", "source"}) {
    if (const Node* value = root->find(key)) return value->text;
  }
  return "";
}

std::string library_path(std::string_view kind, std::string_view name) {
  const Shelf* shelf = shelf_of(kind);
  if (shelf == nullptr) return std::string(name);
  return fmt::format("{}{}{}{}", shelf->source_folder, shelf->folder, name, kExtension);
}

}  // namespace windtunnel::scenarios

#include "scenarios/model_source.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <vector>

#include "models/networks/hugging_face.hpp"
#include "models/networks/library.hpp"
#include "scenarios/document/source_text.hpp"

namespace windtunnel::scenarios {
namespace {

std::optional<models::Model> by_name(const Node& node, base::Diagnostics& diagnostics) {
  if (auto model = models::model_by_name(node.text)) return model;
  diagnostics.error(node.where,
                    fmt::format("there is no model '{}'{} (`windtunnel list models` shows all)",
                                node.text, base::did_you_mean(node.text, models::model_names())));
  return std::nullopt;
}

std::optional<models::Model> by_config(const Node& path, base::Diagnostics& diagnostics) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path.text, error)) {
    diagnostics.error(path.where,
                      fmt::format("there is no file '{}'",
                                  std::filesystem::proximate(path.text, error).string()));
    return std::nullopt;
  }
  return models::read_hugging_face_config(read_file(path.text), path.text, diagnostics);
}

}  // namespace

std::optional<models::Model> read_model(const Node& node, base::Diagnostics& diagnostics) {
  if (node.kind == NodeKind::scalar) return by_name(node, diagnostics);
  if (const Node* config = node.find("hf")) return by_config(*config, diagnostics);
  diagnostics.error(node.where, "a model is a library name or {hf: path/to/config.json}");
  return std::nullopt;
}

}  // namespace windtunnel::scenarios

#include "scenarios/import_model.hpp"

#include <algorithm>
#include <utility>

#include "models/networks/hugging_face.hpp"
#include "scenarios/document/source_text.hpp"
#include "scenarios/expand.hpp"
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/model_table.hpp"
#include "scenarios/schema/resolve.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios {
namespace {

// Where the field that a message begins with ("moe.top_k is ...") stands in the user's file.
base::SourceLocation place_of(const std::string& message, const Node& model) {
  const Node* node = &model;
  base::SourceLocation where = model.where;
  const std::string path =
      message.substr(0, message.find_first_not_of("abcdefghijklmnopqrstuvwxyz_."));
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    node = node->find(path.substr(begin, end - begin));
    if (node == nullptr) break;
    if (node->where.file == model.where.file) where = node->where;
    begin = end + 1;
  }
  return where;
}

}  // namespace

Node import_hugging_face(const Node& reference, const std::string& path,
                         base::Diagnostics& diagnostics) {
  std::optional<models::Model> model;
  try {
    model = models::read_hugging_face_config(read_file(path), path, diagnostics);
  } catch (const base::EnvironmentError& error) {
    diagnostics.error(reference.where, error.what());
  }
  if (model) return model_node(*model, reference.where);
  Node none = reference;
  none.kind = NodeKind::invalid;
  return none;
}

std::optional<models::Model> bind_model(const Node& resolved, base::Diagnostics& diagnostics) {
  models::Model model;
  bind_structure(model_structure(), resolved, &model);
  base::Diagnostics found;
  auto completed = complete(std::move(model), resolved.where, found);
  for (base::Diagnostic one : found.all()) {
    one.where = place_of(one.message, resolved);
    one.message = "model." + one.message;
    diagnostics.add(std::move(one));
  }
  return completed;
}

std::optional<models::Model> load_model(Node node, base::Diagnostics& diagnostics) {
  const int before = diagnostics.error_count();
  const Type type = structure_type(model_structure);
  Expander expander(node.where.file, diagnostics);
  expander.expand(node, type);
  const Node resolved = resolve(node, type, "model", diagnostics);
  if (diagnostics.error_count() > before || has_invalid(resolved)) return std::nullopt;
  return bind_model(resolved, diagnostics);
}

}  // namespace windtunnel::scenarios

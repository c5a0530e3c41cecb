#include "models/networks/network.hpp"

#include "models/networks/op_builders.hpp"

namespace windtunnel::models {

Network build_network(const Model& model) {
  Network network =
      std::visit([](const auto& architecture) { return build(architecture); }, model.architecture);
  network.name = model.name;
  return network;
}

std::string_view to_text(BlockRole role) {
  switch (role) {
    case BlockRole::embedding:
      return "embedding";
    case BlockRole::encoder_layer:
      return "encoder layer";
    case BlockRole::layer:
      return "layer";
    case BlockRole::head:
      return "head";
  }
  return "";
}

std::string_view to_text(SampleKind sample) {
  switch (sample) {
    case SampleKind::sequence:
      return "sequence";
    case SampleKind::image:
      return "image";
    case SampleKind::row:
      return "row";
  }
  return "";
}

}  // namespace windtunnel::models

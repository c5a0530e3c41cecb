#include "sim/engine/engine.hpp"

namespace windtunnel::sim {

std::string_view to_text(EngineKind kind) {
  switch (kind) {
    case EngineKind::automatic:
      return "auto";
    case EngineKind::analytic:
      return "analytic";
    case EngineKind::simgrid:
      return "simgrid";
  }
  return "";
}

std::optional<EngineKind> engine_from_text(std::string_view text) {
  for (const EngineKind kind : {EngineKind::automatic, EngineKind::analytic, EngineKind::simgrid}) {
    if (text == to_text(kind)) return kind;
  }
  return std::nullopt;
}

}  // namespace windtunnel::sim

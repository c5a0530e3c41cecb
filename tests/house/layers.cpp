#include "tests/house/layers.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace windtunnel::house {
namespace {

using Folders = std::vector<std::string_view>;

// What each folder may include beside itself. sim/base stands for the folder of sim of that name.
const std::map<std::string_view, Folders>& allowed() {
  static const Folders kSim = {"sim/engine", "sim/engine/simgrid", "sim/platform", "sim/base"};
  static const Folders kSimWithoutSimgrid = {"sim/engine", "sim/platform", "sim/base"};
  static const auto with = [](Folders folders, const Folders& more) {
    folders.insert(folders.end(), more.begin(), more.end());
    return folders;
  };
  static const std::map<std::string_view, Folders> kAllowed = {
      {"sim/base", {}},
      {"sim/platform", {"sim/base"}},
      {"sim/engine", {"sim/platform", "sim/base"}},
      {"sim/engine/simgrid", {"sim/engine", "sim/platform", "sim/base"}},
      {"models", kSimWithoutSimgrid},
      {"collectives", kSimWithoutSimgrid},
      {"calibration", with({"collectives", "models"}, kSimWithoutSimgrid)},
      {"strategies", with({"collectives", "models"}, kSim)},
      {"reports", with({"calibration", "models"}, kSimWithoutSimgrid)},
      {"real", with({"calibration", "collectives", "models"}, kSimWithoutSimgrid)},
      {"scenarios", with({"reports", "strategies", "calibration", "collectives", "models"}, kSim)},
  };
  return kAllowed;
}

// The longest known folder that `path` is in; empty where there is none.
std::string_view layer_of(std::string_view path) {
  std::string_view best;
  for (const auto& [folder, below] : allowed()) {
    const bool inside =
        path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/';
    if (inside && folder.size() > best.size()) best = folder;
  }
  return best;
}

}  // namespace

std::optional<std::string> wrong_arrow(std::string_view path, std::string_view target) {
  const std::string_view from = layer_of(path);
  if (from.empty()) return std::nullopt;
  if (target.starts_with("tests/"))
    return std::string(path) + " includes the test " + std::string(target);
  const std::string_view to = layer_of(target);
  if (to.empty() || to == from) return std::nullopt;
  const Folders& below = allowed().at(from);
  if (std::find(below.begin(), below.end(), to) != below.end()) return std::nullopt;
  return std::string(path) + " includes " + std::string(target) + ": " + std::string(from) +
         " must not know " + std::string(to);
}

}  // namespace windtunnel::house

#include "scenarios/import_cluster.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <utility>

#include "scenarios/document/source_text.hpp"
#include "scenarios/schema/tables.hpp"
#include "sim/base/contract.hpp"
#include "sim/platform/nccl_topology.hpp"
#include "sim/platform/simgrid_platform.hpp"

namespace windtunnel::scenarios {
namespace {

// A platform with explicit routes of a few hundred hosts; larger ones could not be simulated
// either.
constexpr std::size_t kLargestImport = std::size_t{256} << 20;

std::optional<std::string> content_of(const Node& reference, const std::string& path,
                                      base::Diagnostics& diagnostics) {
  try {
    std::string text = read_file(path, kLargestImport + 1);
    if (text.size() <= kLargestImport) return text;
    diagnostics.error(reference.where, fmt::format("'{}' is larger than the {} MiB that are read",
                                                   path, kLargestImport >> 20U));
  } catch (const base::EnvironmentError& error) {
    diagnostics.error(reference.where, error.what());
  }
  return std::nullopt;
}

}  // namespace

Node import_nccl_topology(const Node& reference, const std::string& path,
                          base::Diagnostics& diagnostics) {
  Node cluster = mapping_node(reference.where);
  const auto text = content_of(reference, path, diagnostics);
  const auto node = text ? sim::read_nccl_topology(*text, path, diagnostics) : std::nullopt;
  if (!node) {
    cluster.kind = NodeKind::invalid;
    return cluster;
  }
  Node described = write_structure(node_structure(), &*node);
  // The file only knows which GPU it is; its data sheet is in the library.
  described.set("gpu", scalar_node(node->gpu.name, {}));
  cluster.set("name", scalar_node(std::filesystem::path(path).stem().string(), {}));
  cluster.set("node", std::move(described));
  relocate(cluster, reference.where);
  return cluster;
}

std::optional<sim::Cluster> import_simgrid_platform(const Node& reference,
                                                    base::Diagnostics& diagnostics) {
  const std::string path = std::filesystem::proximate(reference.text).string();
  const auto text = content_of(reference, path, diagnostics);
  return text ? sim::read_simgrid_platform(*text, path, diagnostics) : std::nullopt;
}

}  // namespace windtunnel::scenarios

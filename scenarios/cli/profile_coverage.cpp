#include "scenarios/cli/profile_coverage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/library.hpp"
#include "scenarios/study_site.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::scenarios::cli {

namespace {

std::string sizes_text(const calibration::SeenOp& seen) {
  return fmt::format("{} to {}", base::to_size_text(base::Bytes(seen.least_bytes)),
                     base::to_size_text(base::Bytes(seen.most_bytes)));
}

void add_fabric(const calibration::Fabric& fabric, base::Table& table) {
  for (const collectives::Op op : collectives::kOps) {
    const std::string name(collectives::to_text(op));
    const auto found = fabric.seen.find(op);
    if (found == fabric.seen.end()) {
      table.rows.push_back({fabric.gpu, fabric.name, name, std::int64_t{0}, std::string(),
                            std::string(), std::string("not covered: stands on the other ops")});
      continue;
    }
    const calibration::SeenOp& seen = found->second;
    table.rows.push_back({fabric.gpu, fabric.name, name, static_cast<std::int64_t>(seen.rows),
                          fmt::format("{}", fmt::join(seen.nodes, ", ")), sizes_text(seen),
                          std::string("covered")});
  }
}

}  // namespace

std::string shipped_profile_names() {
  const std::vector<std::string> names = library_names("profiles");
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

base::Table profile_coverage(const std::string& name_or_path) {
  const calibration::FabricProfile profile = load_profile(name_or_path);
  base::Table table{.columns = {"gpu", "fabric", "op", "rows", "nodes", "sizes", "coverage"},
                    .rows = {}};
  for (const calibration::Fabric& fabric : profile.fabrics) add_fabric(fabric, table);
  table.rows.push_back({std::string("any other"), std::string("any other"), std::string("all"),
                        std::int64_t{0}, std::string(), std::string(),
                        std::string("extrapolated from GPU generation and transport")});
  return table;
}

}  // namespace windtunnel::scenarios::cli

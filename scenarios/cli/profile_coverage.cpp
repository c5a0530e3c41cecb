#include "scenarios/cli/profile_coverage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/kernel_profiles.hpp"
#include "scenarios/library.hpp"
#include "scenarios/study_site.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::scenarios::cli {

namespace {

std::string sizes_text(const calibration::SeenOp& seen) {
  return fmt::format("{} to {}", base::to_size_text(base::Bytes(seen.least_bytes)),
                     base::to_size_text(base::Bytes(seen.most_bytes)));
}

using Row = std::vector<base::Cell>;

Row text_row(const calibration::Fabric& fabric, const std::string& op,
             const std::string& coverage) {
  return {fabric.gpu, fabric.name, op, std::int64_t{0}, std::string(), std::string(), coverage};
}

void add_fabric(const calibration::Fabric& fabric, base::Table& table) {
  std::vector<std::string> missing;
  for (const collectives::Op op : collectives::kOps) {
    const std::string name(collectives::to_text(op));
    const auto found = fabric.seen.find(op);
    if (found == fabric.seen.end()) {
      missing.push_back(name);
      continue;
    }
    const calibration::SeenOp& seen = found->second;
    table.rows.push_back({fabric.gpu, fabric.name, name, static_cast<std::int64_t>(seen.rows),
                          fmt::format("{}", fmt::join(seen.nodes, ", ")), sizes_text(seen),
                          std::string("fitted")});
  }
  if (missing.empty()) return;
  table.rows.push_back(text_row(fabric, fmt::format("{}", fmt::join(missing, ", ")),
                                "not measured: extrapolated from the other ops"));
}

std::string provenance_text(const calibration::Provenance& from) {
  std::string text = fmt::format("fitted {}", from.date.empty() ? "on an unknown date" : from.date);
  if (from.rows_held_out == 0) return text + "; no rows were held out";
  return text +
         fmt::format("; on {} rows held out: median error {:.1f} %, nine in ten below {:.1f} %",
                     from.rows_held_out, 100 * from.held_out_median_abs_error,
                     100 * from.held_out_p90_abs_error);
}

}  // namespace

base::Table profile_coverage(const std::string& name_or_path, calibration::Detail detail) {
  if (const auto kernels = kernel_profile(name_or_path))
    return calibration::kernel_coverage(*kernels, detail);
  const calibration::FabricProfile profile = load_profile(name_or_path);
  base::Table table{.columns = {"gpu", "fabric", "op", "rows", "nodes", "sizes", "coverage"},
                    .rows = {}};
  const std::string all = "all";
  table.rows.push_back({all, all, all, static_cast<std::int64_t>(profile.provenance.rows_used),
                        std::string(), std::string(), provenance_text(profile.provenance)});
  for (const calibration::Fabric& fabric : profile.fabrics) add_fabric(fabric, table);
  table.rows.push_back({std::string("any other"), std::string("any other"), all, std::int64_t{0},
                        std::string(), std::string(),
                        std::string("extrapolated from GPU generation and transport")});
  return table;
}

}  // namespace windtunnel::scenarios::cli

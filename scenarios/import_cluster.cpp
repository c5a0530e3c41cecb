#include "scenarios/import_cluster.hpp"

#include <fmt/format.h>

#include "scenarios/scenario.hpp"

namespace windtunnel::scenarios {
namespace {

[[noreturn]] void refuse(const Node& reference, std::string_view what) {
  const base::Diagnostic text{base::Severity::error, reference.where,
                              fmt::format("the import of {} is not built yet", what)};
  throw NotBuilt(base::to_text(text));
}

}  // namespace

Node import_nccl_topology(const Node& reference, const std::string&, base::Diagnostics&) {
  refuse(reference, "NCCL topology files");
}

std::optional<sim::Cluster> import_simgrid_platform(const Node& reference, base::Diagnostics&) {
  refuse(reference, "SimGrid platform files");
}

}  // namespace windtunnel::scenarios

#include "scenarios/study_site.hpp"

#include <sstream>

namespace windtunnel::scenarios {

std::string site_key(const std::string& resolved_yaml) {
  std::istringstream lines(resolved_yaml);
  std::string key;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    const bool top = !line.empty() && line.front() != ' ' && line.front() != '-';
    if (top) inside = line.starts_with("cluster:") || line.starts_with("calibration:");
    if (inside) key += line + "\n";
  }
  return key;
}

std::shared_ptr<const Site> SiteCache::at(const Scenario& scenario) {
  std::string key = site_key(scenario.resolved_yaml);
  // The engine that serves chooses the kernel times.
  if (const auto* serve = std::get_if<ServeScenario>(&scenario.workload); serve && !key.empty()) {
    key += "software: " + serve->job.strategy.software + "\n";
  }
  if (site_ == nullptr || key.empty() || key != key_) {
    site_.reset();  // one big network at a time
    site_ = std::make_shared<const Site>(
        Site{.cluster = scenario.cluster,
             .network = sim::Network(scenario.cluster),
             .model = models_.model_for(scenario),
             .kernels = models_.kernels_for(scenario),
             .groups = std::make_unique<strategies::GroupCache>(),
             .derated = std::make_unique<strategies::DeratedNetworks>()});
    key_ = std::move(key);
  }
  return site_;
}

}  // namespace windtunnel::scenarios

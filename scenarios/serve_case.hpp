// A case of a study that serves requests: from its scenario and site to its outcome.
#pragma once

#include <memory>

#include "models/kernels/kernel_time_model.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/study_site.hpp"
#include "sim/base/fact.hpp"
#include "strategies/serve/run_serve.hpp"

namespace windtunnel::scenarios {

// One serving job: a sweep point has one.
struct ServeCase {
  const Scenario* scenario = nullptr;  // its workload is a ServeScenario
};

// Kernel times of the engine that the strategy names, on the GPU.
std::shared_ptr<const models::KernelTimeModel> serving_kernels(const ServeScenario& serve,
                                                               const sim::Gpu& gpu,
                                                               const std::string& calibration);
// Where it is served, with what pools and drafts need; `serve` outlives it, and so does what `on`
// refers to.
struct ServePlace {
  const sim::ValidCluster& cluster;
  const models::KernelTimeModel& kernels;
  const collectives::TimeModel* links = nullptr;
};
strategies::ServeSite serving_site(const ServeScenario& serve, const ServePlace& on,
                                   const std::string& calibration);

// What its replicas send shares the cluster's links on an engine of that kind.
base::Outcome run_serve_case(const ServeCase& spec, const Site& site,
                             strategies::ServeOptions options,
                             sim::EngineKind engine = sim::EngineKind::analytic);

}  // namespace windtunnel::scenarios

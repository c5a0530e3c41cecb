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

// Kernel times of the engine that the strategy names, on the cluster's GPU.
std::shared_ptr<const models::KernelTimeModel> serving_kernels(const ServeScenario& serve,
                                                               const Scenario& scenario);

base::Outcome run_serve_case(const ServeCase& spec, const Site& site,
                             const strategies::ServeOptions& options);

}  // namespace windtunnel::scenarios

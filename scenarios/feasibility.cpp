#include "scenarios/feasibility.hpp"

#include <variant>

#include "strategies/train/memory_facts.hpp"
#include "strategies/train/run_train.hpp"

namespace windtunnel::scenarios {

std::optional<std::string> cannot_run(const Scenario& scenario, ModelSource& models) {
  const auto* train = std::get_if<TrainScenario>(&scenario.workload);
  if (train == nullptr) return std::nullopt;
  const auto links = models.model_for(scenario);
  const auto kernels = models.kernels_for(scenario);
  const strategies::TrainSite site{.cluster = scenario.cluster,
                                   .kernels = *kernels,
                                   .links = links.get(),
                                   .kernels_of = other_training_kernels(scenario.calibration)};
  const strategies::PreparedTrain prepared =
      strategies::prepare_train(train->job, {*train->model, *train->network}, site);
  if (!prepared.plan) return prepared.refusal.reason;
  if (!scenario.cluster->overrides.empty()) return std::nullopt;
  base::Outcome out;
  strategies::add_memory_facts(*prepared.plan, prepared.network,
                               strategies::stage_memory(*prepared.plan, prepared.network),
                               scenario.cluster->node.gpu, out);
  if (out.status != base::Status::infeasible) return std::nullopt;
  return out.reason;
}

}  // namespace windtunnel::scenarios

#include "scenarios/mix_case.hpp"

#include <deque>
#include <memory>
#include <vector>

#include "scenarios/serve_case.hpp"
#include "sim/engine/fluid_engine.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"

namespace windtunnel::scenarios {
strategies::EngineFactory sharing_engine(sim::EngineKind kind) {
  return [kind](const sim::Network& network, sim::EngineOptions options) {
    options.sharing = sim::Sharing::max_min;
    return kind == sim::EngineKind::simgrid ? sim::make_simgrid_engine(network, options)
                                            : sim::make_fluid_engine(network, options);
  };
}

base::Outcome run_mix_case(const MixCase& spec, const Site& site, sim::EngineKind engine,
                           const strategies::MixOptions& options) {
  const auto& mix = std::get<MixScenario>(spec.scenario->workload);
  std::vector<std::shared_ptr<const models::KernelTimeModel>> kernels;
  std::vector<strategies::MixMember> members;
  for (const MixedJob& job : mix.jobs) {
    const sim::ValidCluster& part = job.part->cluster;
    strategies::MixMember member{
        .name = job.name,
        .start = job.start,
        .gpus = job.part->gpus,
        .work = [&]() -> decltype(strategies::MixMember::work) {
          if (const auto* train = std::get_if<TrainScenario>(&job.work)) {
            kernels.push_back(training_kernels(part->node.gpu, spec.scenario->calibration));
            return strategies::TrainMember{
                .job = train->job,
                .subject = {*train->model, *train->network},
                .site = {part, *kernels.back(), site.model.get(),
                         other_training_kernels(spec.scenario->calibration)},
                .iterations = job.iterations};
          }
          const auto& serve = std::get<ServeScenario>(job.work);
          kernels.push_back(serving_kernels(serve, part->node.gpu, spec.scenario->calibration));
          return strategies::ServeMember{
              .job = serve.job,
              .subject = {*serve.model, *serve.network},
              .site = serving_site(serve, {part, *kernels.back(), site.model.get()},
                                   spec.scenario->calibration)};
        }()};
    members.push_back(std::move(member));
  }
  return strategies::run_mix(members, {site.network, sharing_engine(engine)}, options);
}

}  // namespace windtunnel::scenarios

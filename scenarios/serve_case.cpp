#include "scenarios/serve_case.hpp"

#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/engine_profile.hpp"
#include "models/gpu_library.hpp"
#include "models/networks/library.hpp"
#include "scenarios/kernel_profiles.hpp"
#include "scenarios/mix_case.hpp"

namespace windtunnel::scenarios {
namespace {

std::shared_ptr<const models::KernelTimeModel> kernels_on(const sim::Gpu& gpu,
                                                          const std::string& calibration,
                                                          const std::string& software) {
  const bool named = calibration == "none" || names_kernel_profile(calibration);
  return named ? calibration::kernel_model_for(gpu, calibration)
               : calibration::engine_kernels(gpu, software);
}

}  // namespace

std::shared_ptr<const models::KernelTimeModel> serving_kernels(const ServeScenario& serve,
                                                               const sim::Gpu& gpu,
                                                               const std::string& calibration) {
  return kernels_on(gpu, calibration, serve.job.strategy.software);
}

strategies::ServeSite serving_site(const ServeScenario& serve, const ServePlace& on,
                                   const std::string& calibration) {
  // A profile that the scenario names is of one GPU; others take their own.
  const std::string others = calibration == "none" ? "none" : "";
  return {.cluster = on.cluster,
          .kernels = on.kernels,
          .links = on.links,
          .kernels_of =
              [&serve, others](const std::string& name) {
                const auto gpu = models::gpu_named(name);
                return gpu ? kernels_on(*gpu, others, serve.job.strategy.software) : nullptr;
              },
          .model_of =
              [](const std::string& name) {
                auto model = models::model_by_name(name);
                return model ? std::make_shared<const models::Model>(*std::move(model)) : nullptr;
              }};
}

base::Outcome run_serve_case(const ServeCase& spec, const Site& site,
                             strategies::ServeOptions options, sim::EngineKind engine) {
  const auto& serve = std::get<ServeScenario>(spec.scenario->workload);
  const strategies::ServeSite place = serving_site(
      serve, {site.cluster, *site.kernels, site.model.get()}, spec.scenario->calibration);
  std::shared_ptr<sim::Engine> only;  // SimGrid has one a process
  options.links = {.network = &site.network,
                   .engine = [&, engine]() -> std::shared_ptr<sim::Engine> {
                     if (engine != sim::EngineKind::simgrid)
                       return sharing_engine(engine)(site.network, {});
                     if (!only) only = sharing_engine(engine)(site.network, {});
                     return only;
                   }};
  return strategies::run_serve(serve.job, {*serve.model, *serve.network}, place, options);
}

}  // namespace windtunnel::scenarios

// Which calibration profile answers for a scenario.
#include <fmt/format.h>

#include "calibration/fabric_model.hpp"
#include "calibration/kernels/device_model.hpp"
#include "scenarios/document/source_text.hpp"
#include "scenarios/kernel_profiles.hpp"
#include "scenarios/library.hpp"
#include "scenarios/serve_case.hpp"
#include "scenarios/study_site.hpp"

namespace windtunnel::scenarios {

namespace {

// A profile is a small head of figures; a file beyond this is something else.
constexpr std::size_t kLargestProfile = std::size_t{16} << 20;

bool is_path(const std::string& name) {
  return name.ends_with(".yaml") || name.ends_with(".yml");
}

}  // namespace

calibration::FabricProfile load_profile(const std::string& name_or_path) {
  std::string text;
  if (is_path(name_or_path)) {
    text = read_file(name_or_path, kLargestProfile);
  } else if (const auto shipped = library_text("profiles", name_or_path)) {
    text = *shipped;
  } else {
    const std::vector<std::string> names = library_names("profiles");
    throw base::InputError({}, fmt::format("there is no profile '{}'{}", name_or_path,
                                           base::did_you_mean(name_or_path, names)));
  }
  base::Diagnostics diagnostics;
  auto profile = calibration::profile_from_yaml(text, name_or_path, diagnostics);
  if (!profile) throw base::InputError(diagnostics);
  return std::move(*profile);
}

std::shared_ptr<const collectives::TimeModel> ModelSource::model_for(const Scenario& scenario) {
  // A profile of kernels leaves the links to the shipped one.
  const std::string name = names_kernel_profile(scenario.calibration) ? "" : scenario.calibration;
  // An imported platform has hosts, not GPUs: no profile speaks about those.
  if (name == "none" || scenario.cluster->explicit_network) return nullptr;
  auto& model = loaded_[name];
  if (model == nullptr) {
    // A kernel profile is about devices: links stay with the shipped fabrics.
    if (name.empty() || names_kernel_profile(name)) {
      model = calibration::shipped_model();
    } else {
      model = std::make_shared<calibration::FabricModel>(load_profile(name));
    }
  }
  return model;
}

std::shared_ptr<const models::KernelTimeModel> training_kernels(const sim::Gpu& gpu,
                                                                const std::string& calibration) {
  const bool ours = calibration == "none" || names_kernel_profile(calibration);
  return calibration::kernel_model_for(gpu, ours ? calibration : "");
}

std::function<std::shared_ptr<const models::KernelTimeModel>(const sim::Gpu&)>
other_training_kernels(const std::string& calibration) {
  return [name = std::string(calibration == "none" ? "none" : "")](const sim::Gpu& gpu) {
    return training_kernels(gpu, name);
  };
}

std::shared_ptr<const models::KernelTimeModel> ModelSource::kernels_for(const Scenario& scenario) {
  const sim::Gpu& gpu = scenario.cluster->node.gpu;
  if (const auto* serve = std::get_if<ServeScenario>(&scenario.workload)) {
    return serving_kernels(*serve, gpu, scenario.calibration);
  }
  if (!std::holds_alternative<TrainScenario>(scenario.workload)) return nullptr;
  return training_kernels(gpu, scenario.calibration);
}

}  // namespace windtunnel::scenarios

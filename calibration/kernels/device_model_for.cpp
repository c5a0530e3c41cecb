// Which profiles answer for a GPU.
#include <fmt/format.h>

#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/kernel_profile_file.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::calibration {
namespace {

bool is_path(const std::string& name) {
  return name.ends_with(".yaml") || name.ends_with(".yml");
}

}  // namespace

std::shared_ptr<const models::KernelTimeModel> kernel_model_for(const sim::Gpu& gpu,
                                                                const std::string& calibration) {
  std::vector<KernelProfile> profiles;
  if (calibration == "none") return std::make_shared<models::RooflineModel>(gpu);
  if (is_path(calibration)) {
    profiles.push_back(load_kernel_profile(calibration));
  } else {
    auto shipped = shipped_kernel_profile(calibration.empty() ? gpu.name : calibration);
    if (!shipped && !calibration.empty()) {
      const std::vector<std::string> names = shipped_kernel_profiles();
      throw base::InputError({}, fmt::format("there is no kernel profile '{}'{}", calibration,
                                             base::did_you_mean(calibration, names)));
    }
    if (!shipped) return std::make_shared<models::RooflineModel>(gpu);
    profiles.push_back(std::move(*shipped));
  }
  for (const std::string& name : shipped_kernel_profiles_of(gpu.name)) {
    if (name != profiles.front().name) profiles.push_back(*shipped_kernel_profile(name));
  }
  return std::make_shared<DeviceModel>(std::move(profiles), gpu);
}

}  // namespace windtunnel::calibration

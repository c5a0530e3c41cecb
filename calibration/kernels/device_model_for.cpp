// Which profiles answer for a GPU.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/kernel_profile_file.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::calibration {
namespace {

// The same die and clocks: an export edition with fewer links, a module with faster memory. Kernels
// of the twin were measured with whole engines and are carried over by the data sheet; the GPU's own
// tables are of single libraries, or there are none.
struct Twin {
  std::string_view gpu;
  std::string_view of;
};
constexpr std::array kTwins{Twin{"h800-sxm", "h100-sxm"}, Twin{"gh200", "h100-sxm"}};

std::string profile_owner(const sim::Gpu& gpu) {
  const auto twin = std::find_if(kTwins.begin(), kTwins.end(),
                                 [&](const Twin& one) { return one.gpu == gpu.name; });
  return twin == kTwins.end() ? gpu.name : std::string(twin->of);
}

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
    auto shipped = shipped_kernel_profile(calibration.empty() ? profile_owner(gpu) : calibration);
    if (!shipped && !calibration.empty()) {
      const std::vector<std::string> names = shipped_kernel_profiles();
      throw base::InputError({}, fmt::format("there is no kernel profile '{}'{}", calibration,
                                             base::did_you_mean(calibration, names)));
    }
    if (!shipped) return std::make_shared<models::RooflineModel>(gpu);
    profiles.push_back(std::move(*shipped));
  }
  const auto add_all_of = [&](const std::string& owner) {
    for (const std::string& name : shipped_kernel_profiles_of(owner)) {
      const bool there = std::any_of(profiles.begin(), profiles.end(),
                                     [&](const KernelProfile& one) { return one.name == name; });
      if (!there) profiles.push_back(*shipped_kernel_profile(name));
    }
  };
  if (calibration.empty()) add_all_of(profile_owner(gpu));
  add_all_of(gpu.name);
  return std::make_shared<DeviceModel>(std::move(profiles), gpu);
}

}  // namespace windtunnel::calibration

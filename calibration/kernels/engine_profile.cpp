#include "calibration/kernels/engine_profile.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <vector>

#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/kernel_profile_file.hpp"
#include "models/gpu_library.hpp"

namespace windtunnel::calibration {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return text;
}

std::string framework_in(const std::string& engine) {
  const std::string name = lower(engine);
  if (name.find("trt") != std::string::npos || name.find("tensorrt") != std::string::npos)
    return "trtllm";
  for (const char* framework : {"vllm", "sglang"}) {
    if (name.find(framework) != std::string::npos) return framework;
  }
  return "";
}

// "1.3.0rc10" as 1.03 and so on: enough to say which of two versions is nearer.
// 0 where the text has no version.
double version_in(const std::string& text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 >= text.size()) return 0.0;
  std::size_t begin = dot;
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(text[begin - 1])) != 0) --begin;
  std::size_t end = dot + 1;
  while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])) != 0) ++end;
  if (begin == dot || end == dot + 1) return 0.0;
  return std::stod(text.substr(begin, std::min<std::size_t>(dot - begin, 6))) +
         std::stod(text.substr(dot + 1, std::min<std::size_t>(end - dot - 1, 4))) / 100.0;
}

std::optional<std::string> relative_of(const sim::Gpu& gpu) {
  std::optional<std::string> best;
  double least = std::numeric_limits<double>::infinity();
  const auto apart = [](double a, double b) { return std::abs(std::log(a / b)); };
  for (const std::string& name : models::gpu_names()) {
    if (name == gpu.name || !shipped_kernel_profile_name(name)) continue;
    const sim::Gpu other = *models::gpu_named(name);
    if (other.architecture != gpu.architecture) continue;
    const double distance =
        apart(models::peak_of(other, "bf16").value(), models::peak_of(gpu, "bf16").value()) +
        apart(other.memory_bandwidth.value(), gpu.memory_bandwidth.value());
    if (distance >= least) continue;
    least = distance;
    best = name;
  }
  return best;
}

}  // namespace

std::optional<std::string> engine_profile(const sim::Gpu& gpu, const std::string& engine) {
  std::vector<std::string> names = shipped_kernel_profiles_of(gpu.name);
  std::string owner = gpu.name;
  if (names.empty()) {
    const auto relative = relative_of(gpu);
    if (!relative) return std::nullopt;
    owner = *relative;
    names = shipped_kernel_profiles_of(owner);
  }
  const std::string framework = framework_in(engine);
  const double version = version_in(engine);
  std::optional<std::string> best;
  double least = std::numeric_limits<double>::infinity();
  for (const std::string& name : names) {
    const std::string rest = name.substr(owner.size());
    if (framework.empty() || !rest.starts_with("-" + framework)) continue;
    const double distance = version > 0 ? std::abs(version_in(rest) - version) : 0.0;
    if (distance > least) continue;  // of equals the later name
    least = distance;
    best = name;
  }
  return best ? best : std::optional(names.front());
}

std::shared_ptr<const models::KernelTimeModel> engine_kernels(const sim::Gpu& gpu,
                                                              const std::string& engine) {
  const auto name = engine_profile(gpu, engine);
  if (!name) return std::make_shared<models::RooflineModel>(gpu);
  std::vector<KernelProfile> profiles{*shipped_kernel_profile(*name)};
  for (const std::string& other : shipped_kernel_profiles_of(profiles.front().gpu)) {
    if (other != *name) profiles.push_back(*shipped_kernel_profile(other));
  }
  return std::make_shared<DeviceModel>(std::move(profiles), gpu);
}

}  // namespace windtunnel::calibration

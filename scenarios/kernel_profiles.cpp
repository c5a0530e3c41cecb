#include "scenarios/kernel_profiles.hpp"

#include <algorithm>
#include <filesystem>

#include "calibration/kernels/kernel_profile_file.hpp"
#include "models/gpu_library.hpp"
#include "scenarios/document/source_text.hpp"
#include "scenarios/library.hpp"

namespace windtunnel::scenarios {
namespace {

constexpr std::size_t kLargestProfile = std::size_t{16} << 20;

bool is_path(const std::string& name) {
  return name.ends_with(".yaml") || name.ends_with(".yml");
}

bool is_kernel_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) &&
         calibration::is_kernel_profile(read_file(path, kLargestProfile));
}

}  // namespace

std::optional<calibration::KernelProfile> kernel_profile(const std::string& name_or_path) {
  if (!is_path(name_or_path)) return calibration::shipped_kernel_profile(name_or_path);
  if (!is_kernel_file(name_or_path)) return std::nullopt;
  return calibration::load_kernel_profile(name_or_path);
}

bool names_kernel_profile(const std::string& name_or_path) {
  if (is_path(name_or_path)) return is_kernel_file(name_or_path);
  return calibration::shipped_kernel_profile_name(name_or_path).has_value();
}

std::vector<std::string> calibration_names() {
  std::vector<std::string> names = library_names("profiles");
  for (std::string& gpu : models::gpu_names())
    if (!calibration::shipped_kernel_profiles_of(gpu).empty()) names.push_back(std::move(gpu));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace windtunnel::scenarios

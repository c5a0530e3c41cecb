#include <algorithm>
#include <array>
#include <span>

#include "calibration/kernels/kernel_profile_file.hpp"
#include "models/gpu_library.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/embedded.hpp"

namespace windtunnel::embedded {
std::span<const base::EmbeddedFile> shipped_profiles();
}

namespace windtunnel::calibration {
namespace {

constexpr std::string_view kFolder = "profiles/";
constexpr std::string_view kExtension = ".yaml";

std::optional<std::string_view> content(const std::string& file) {
  for (const base::EmbeddedFile& one : embedded::shipped_profiles())
    if (one.name == std::string(kFolder) + file) return one.content;
  return std::nullopt;
}

// The GPU that a profile's name begins with: the longest name of a sheet that does.
std::string gpu_in(const std::string& name) {
  std::string best;
  for (std::string& gpu : models::gpu_names())
    if ((name + "-").starts_with(gpu + "-") && gpu.size() > best.size()) best = std::move(gpu);
  return best;
}

bool is_of(const std::string& name, const std::string& gpu) {
  return gpu_in(name) == gpu;
}

// Of ("h100-sxm-vllm-0.24.0", "h100-sxm"): "vllm"; nothing for a profile of another GPU.
std::optional<std::string> framework_of(const std::string& name, const std::string& gpu) {
  if (!is_of(name, gpu) || name.size() <= gpu.size()) return std::nullopt;
  const std::string rest = name.substr(gpu.size() + 1);
  return rest.substr(0, rest.find('-'));
}

}  // namespace

std::vector<std::string> shipped_kernel_profiles() {
  std::vector<std::string> names;
  for (const base::EmbeddedFile& one : embedded::shipped_profiles()) {
    std::string_view name = one.name;
    if (!name.ends_with(kExtension) || !is_kernel_profile(one.content.substr(0, 4096))) continue;
    name.remove_prefix(std::min(name.size(), kFolder.size()));
    name.remove_suffix(kExtension.size());
    names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> shipped_kernel_profiles_of(const std::string& gpu) {
  std::vector<std::string> out;
  const auto first = shipped_kernel_profile_name(gpu);
  if (!first) return out;
  out.push_back(*first);
  for (const std::string& name : shipped_kernel_profiles())
    if (name != *first && is_of(name, gpu)) out.push_back(name);
  return out;
}

std::optional<std::string> shipped_kernel_profile_name(const std::string& name_or_gpu) {
  const std::vector<std::string> names = shipped_kernel_profiles();
  if (std::find(names.begin(), names.end(), name_or_gpu) != names.end()) return name_or_gpu;
  for (const char* framework : {"vllm", "trtllm", "sglang"}) {
    for (auto name = names.rbegin(); name != names.rend(); ++name)
      if (framework_of(*name, name_or_gpu) == framework) return *name;
  }
  for (const std::string& name : names)
    if (framework_of(name, name_or_gpu)) return name;
  return std::nullopt;
}

std::optional<KernelProfile> shipped_kernel_profile(const std::string& name_or_gpu) {
  const auto name = shipped_kernel_profile_name(name_or_gpu);
  if (!name) return std::nullopt;
  const std::string file = *name + std::string(kExtension);
  const auto head = content(file);
  base::ensures(head.has_value(), "a shipped profile that is listed is there");
  base::Diagnostics diagnostics;
  const auto grid = content(grid_file_of(*head));
  auto profile = kernel_profile_from(*head, grid.value_or(""), file, diagnostics);
  base::ensures(profile.has_value(), "a shipped profile is sound: " + diagnostics.to_text());
  return profile;
}

}  // namespace windtunnel::calibration

#include "models/gpu_library.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <span>

#include "sim/base/contract.hpp"
#include "sim/base/embedded.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::embedded {
std::span<const base::EmbeddedFile> gpu_sheets();
}

namespace windtunnel::models {
namespace {

using base::Dimension;

constexpr std::string_view kFolder = "gpus/";
constexpr std::string_view kExtension = ".yaml";

std::string_view name_of(const base::EmbeddedFile& file) {
  std::string_view name = file.name;
  if (name.starts_with(kFolder)) name.remove_prefix(kFolder.size());
  if (name.ends_with(kExtension)) name.remove_suffix(kExtension.size());
  return name;
}

double quantity(const YAML::Node& node, Dimension dimension) {
  if (!node) return 0.0;
  const base::ParsedQuantity parsed = base::parse_quantity(node.as<std::string>(), dimension);
  base::ensures(std::holds_alternative<double>(parsed), "a shipped data sheet has sound units");
  return std::get<double>(parsed);
}

sim::Gpu parse(const base::EmbeddedFile& file) {
  const YAML::Node sheet = YAML::Load(std::string(file.content));
  sim::Gpu gpu;
  gpu.name = sheet["name"].as<std::string>();
  gpu.architecture = sheet["architecture"].as<std::string>("");
  gpu.memory = base::Bytes(quantity(sheet["memory"], Dimension::bytes));
  gpu.memory_bandwidth =
      base::BytesPerSecond(quantity(sheet["memory_bandwidth"], Dimension::bandwidth));
  for (const auto& entry : sheet["peak"])
    gpu.peak[entry.first.as<std::string>()] =
        base::FlopsPerSecond(quantity(entry.second, Dimension::flop_rate));
  gpu.nvlink_bandwidth =
      base::BytesPerSecond(quantity(sheet["nvlink_bandwidth"], Dimension::bandwidth));
  gpu.nvlink_links = sheet["nvlink_links"].as<int>(0);
  gpu.pcie_bandwidth =
      base::BytesPerSecond(quantity(sheet["pcie_bandwidth"], Dimension::bandwidth));
  gpu.streaming_multiprocessors = sheet["streaming_multiprocessors"].as<int>(0);
  gpu.l2_cache = base::Bytes(quantity(sheet["l2_cache"], Dimension::bytes));
  gpu.power = base::Watts(quantity(sheet["power"], Dimension::power));
  gpu.source = sheet["source"].as<std::string>("");
  return gpu;
}

}  // namespace

std::vector<std::string> gpu_names() {
  std::vector<std::string> names;
  for (const base::EmbeddedFile& file : embedded::gpu_sheets()) names.emplace_back(name_of(file));
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<sim::Gpu> gpu_named(std::string_view name) {
  for (const base::EmbeddedFile& file : embedded::gpu_sheets()) {
    if (name_of(file) == name) return parse(file);
  }
  return std::nullopt;
}

std::string math_run_as(const sim::Gpu& gpu, std::string_view math) {
  // What runs in place of what: from narrow to wide.
  static constexpr std::array<std::array<std::string_view, 2>, 9> kInstead{{{"nvfp4", "fp8"},
                                                                            {"fp4", "fp8"},
                                                                            {"mxfp8", "fp8"},
                                                                            {"int4", "int8"},
                                                                            {"int8", "fp16"},
                                                                            {"fp8", "fp16"},
                                                                            {"bf16", "fp16"},
                                                                            {"fp16", "fp32"},
                                                                            {"tf32", "fp32"}}};
  for (std::size_t steps = 0; steps <= kInstead.size(); ++steps) {
    if (gpu.peak.contains(std::string(math))) return std::string(math);
    const auto next = std::find_if(kInstead.begin(), kInstead.end(),
                                   [&](const auto& pair) { return pair[0] == math; });
    if (next == kInstead.end()) break;
    math = (*next)[1];
  }
  return {};
}

base::FlopsPerSecond peak_of(const sim::Gpu& gpu, std::string_view math) {
  const auto found = gpu.peak.find(math_run_as(gpu, math));
  if (found != gpu.peak.end()) return found->second;
  base::FlopsPerSecond best{0};
  for (const auto& [name, peak] : gpu.peak)
    if (name != "fp64" && name != "fp64_tensor" && (best.value() == 0.0 || peak < best))
      best = peak;
  return best;
}

}  // namespace windtunnel::models

#include "calibration/kernels/native_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace windtunnel::calibration {
namespace {

using models::NumberFormat;
using Alias = std::pair<std::string_view, std::string_view>;

// Names without "nvidia " and in lower case, '_' and ' ' as '-'.
constexpr std::array kDevices{
    Alias{"h100-80gb-hbm3", "h100-sxm"},
    Alias{"h100", "h100-sxm"},
    Alias{"h100-sxm5", "h100-sxm"},
    Alias{"h200", "h200-sxm"},
    Alias{"h800", "h800-sxm"},
    Alias{"b200", "b200-sxm"},
    Alias{"b300", "b300-sxm"},
    Alias{"a100-sxm4-80gb", "a100-sxm-80gb"},
    Alias{"a100-sxm", "a100-sxm-80gb"},
    Alias{"a100", "a100-sxm-80gb"},
    Alias{"a100-sxm4-40gb", "a100-sxm-40gb"},
    Alias{"a100-pcie-80gb", "a100-pcie-80gb"},
    Alias{"a100-80gb-pcie", "a100-pcie-80gb"},
    Alias{"h100-pcie", "h100-pcie"},
    Alias{"gh200-480gb", "gh200"},
    Alias{"rtx4090", "rtx-4090"},
    Alias{"geforce-rtx-4090", "rtx-4090"},
    Alias{"rtx3090", "rtx-3090"},
    Alias{"geforce-rtx-3090", "rtx-3090"},
    Alias{"rtxpro6000", "rtx-pro-6000"},
    Alias{"rtx-pro-6000-blackwell-server-edition", "rtx-pro-6000"},
    Alias{"rtx-pro-6000-blackwell-workstation-edition", "rtx-pro-6000"},
    Alias{"tesla-t4", "t4"},
    Alias{"tesla-v100-sxm2-16gb", "v100-sxm-16gb"},
    Alias{"tesla-v100-sxm2-32gb", "v100-sxm-32gb"},
    Alias{"tesla-v100-pcie-16gb", "v100-pcie-16gb"},
};

constexpr std::array kFormats{
    std::pair{std::string_view{"bfloat16"}, NumberFormat::bf16},
    std::pair{std::string_view{"float16"}, NumberFormat::fp16},
    std::pair{std::string_view{"half"}, NumberFormat::fp16},
    std::pair{std::string_view{"fp8"}, NumberFormat::fp8},
    std::pair{std::string_view{"fp8_block"}, NumberFormat::fp8_block},
    std::pair{std::string_view{"nvfp4"}, NumberFormat::nvfp4},
    std::pair{std::string_view{"int8_wo"}, NumberFormat::int8_weights},
    std::pair{std::string_view{"int4_wo"}, NumberFormat::int4_weights},
    std::pair{std::string_view{"sq"}, NumberFormat::int8},  // SmoothQuant: W8A8
    std::pair{std::string_view{"w4afp8"}, NumberFormat::int4_fp8},
    std::pair{std::string_view{"w4a16_mxfp4"}, NumberFormat::mxfp4_weights},
    std::pair{std::string_view{"w4a8_mxfp4_mxfp8"}, NumberFormat::mxfp4_mxfp8},
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

}  // namespace

std::string gpu_of_device(std::string_view device) {
  std::string name = lower(device);
  std::replace(name.begin(), name.end(), '_', '-');
  std::replace(name.begin(), name.end(), ' ', '-');
  constexpr std::string_view kMaker = "nvidia-";
  if (name.starts_with(kMaker)) name.erase(0, kMaker.size());
  for (const auto& [alias, gpu] : kDevices) {
    if (name == alias) return std::string(gpu);
  }
  // Our own spelling already, or as it was written.
  const bool plain = std::none_of(name.begin(), name.end(),
                                  [](unsigned char c) { return !std::isalnum(c) && c != '-'; });
  return plain ? name : std::string(device);
}

std::string stack_text(std::string_view framework, std::string_view version) {
  std::string text = lower(framework);
  if (!version.empty()) text.append(text.empty() ? "" : " ").append(version);
  return text;
}

std::optional<NumberFormat> aiconfigurator_format(std::string_view dtype) {
  const std::string name = lower(dtype);
  for (const auto& [alias, format] : kFormats) {
    if (name == alias) return format;
  }
  return std::nullopt;
}

}  // namespace windtunnel::calibration

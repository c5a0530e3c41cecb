#include "models/kernels/number_format.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "sim/base/contract.hpp"

namespace windtunnel::models {

namespace {

struct FormatFigures {
  NumberFormat format;
  std::string_view name;
  double weight, activation, output;  // bytes an element, scales included
  std::string_view peak;
};

// Scales: fp8_block one fp32 per 128 x 128 weights and per 128 activations; mxfp8 and mxfp4 one byte
// per 32 (OCP Microscaling Formats v1.0); nvfp4 one byte per 16 (NVIDIA); int4 one fp16 per 128.
constexpr double kFp8BlockActivation = 1.0 + 4.0 / 128;
constexpr std::array kFigures{
    FormatFigures{NumberFormat::fp64, "fp64", 8, 8, 8, "fp64"},
    FormatFigures{NumberFormat::fp32, "fp32", 4, 4, 4, "fp32"},
    FormatFigures{NumberFormat::tf32, "tf32", 4, 4, 4, "tf32"},
    FormatFigures{NumberFormat::fp16, "fp16", 2, 2, 2, "fp16"},
    FormatFigures{NumberFormat::bf16, "bf16", 2, 2, 2, "bf16"},
    FormatFigures{NumberFormat::fp8, "fp8", 1, 1, 2, "fp8"},
    FormatFigures{NumberFormat::fp8_block, "fp8_block", 1 + 4.0 / (128 * 128), kFp8BlockActivation,
                  2, "fp8"},
    FormatFigures{NumberFormat::mxfp8, "mxfp8", 33.0 / 32, 33.0 / 32, 2, "fp8"},
    FormatFigures{NumberFormat::int8, "int8", 1, 1, 2, "int8"},
    FormatFigures{NumberFormat::int8_weights, "int8_weights", 1, 2, 2, "fp16"},
    FormatFigures{NumberFormat::int4_weights, "int4_weights", 0.5 + 2.0 / 128, 2, 2, "fp16"},
    FormatFigures{NumberFormat::int4_fp8, "int4_fp8", 0.5 + 2.0 / 128, 1, 2, "fp8"},
    FormatFigures{NumberFormat::nvfp4, "nvfp4", 0.5 + 1.0 / 16, 0.5 + 1.0 / 16, 2, "nvfp4"},
    FormatFigures{NumberFormat::mxfp4_weights, "mxfp4_weights", 0.5 + 1.0 / 32, 2, 2, "bf16"},
    FormatFigures{NumberFormat::mxfp4_mxfp8, "mxfp4_mxfp8", 0.5 + 1.0 / 32, 33.0 / 32, 2, "fp8"},
};

constexpr std::array<std::pair<std::string_view, NumberFormat>, 17> kAliases{{
    {"double", NumberFormat::fp64},
    {"float64", NumberFormat::fp64},
    {"float", NumberFormat::fp32},
    {"float32", NumberFormat::fp32},
    {"half", NumberFormat::fp16},
    {"float16", NumberFormat::fp16},
    {"bfloat16", NumberFormat::bf16},
    {"e4m3", NumberFormat::fp8},
    {"float8", NumberFormat::fp8},
    {"float8_e4m3fn", NumberFormat::fp8},
    {"int8_wo", NumberFormat::int8_weights},
    {"w8a16", NumberFormat::int8_weights},
    {"int4_wo", NumberFormat::int4_weights},
    {"w4a16", NumberFormat::int4_weights},
    {"w4afp8", NumberFormat::int4_fp8},
    {"w4a16_mxfp4", NumberFormat::mxfp4_weights},
    {"w4a8_mxfp4_mxfp8", NumberFormat::mxfp4_mxfp8},
}};

const FormatFigures& figures(NumberFormat format) {
  const auto* found = std::find_if(kFigures.begin(), kFigures.end(),
                                   [&](const FormatFigures& f) { return f.format == format; });
  base::ensures(found != kFigures.end(), "every number format has its figures");
  return *found;
}

}  // namespace

std::string_view to_text(NumberFormat format) {
  return figures(format).name;
}

std::optional<NumberFormat> number_format_from(std::string_view text) {
  for (const FormatFigures& f : kFigures)
    if (f.name == text) return f.format;
  for (const auto& [name, format] : kAliases)
    if (name == text) return format;
  return std::nullopt;
}

const std::vector<NumberFormat>& all_number_formats() {
  static const std::vector<NumberFormat> all = [] {
    std::vector<NumberFormat> formats;
    for (const FormatFigures& f : kFigures) formats.push_back(f.format);
    return formats;
  }();
  return all;
}

double weight_bytes(NumberFormat format) {
  return figures(format).weight;
}
double activation_bytes(NumberFormat format) {
  return figures(format).activation;
}
double output_bytes(NumberFormat format) {
  return figures(format).output;
}
std::string_view math_peak(NumberFormat format) {
  return figures(format).peak;
}

}  // namespace windtunnel::models

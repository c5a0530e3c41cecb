#include "models/kernels/format_support.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace windtunnel::models {
namespace {

constexpr int kTuring = 75, kAmpere = 80, kAda = 89, kBlackwell = 100;

// Ten times the compute capability, or, for AMD, that of the generation with
// the same formats.
std::optional<int> capability_of(const sim::Gpu& gpu) {
  constexpr std::array<std::pair<std::string_view, int>, 8> kGenerations{{{"volta", 70},
                                                                          {"turing", kTuring},
                                                                          {"ampere", kAmpere},
                                                                          {"ada", kAda},
                                                                          {"hopper", 90},
                                                                          {"cdna3", 90},
                                                                          {"blackwell", kBlackwell},
                                                                          {"cdna4", kBlackwell}}};
  for (const auto& [name, capability] : kGenerations) {
    if (gpu.architecture == name) return capability;
  }
  return std::nullopt;
}

// The least that multiplies the format on tensor cores.
int needed(NumberFormat format) {
  switch (format) {
    case NumberFormat::bf16:
    case NumberFormat::tf32:
      return kAmpere;
    case NumberFormat::int8:
    case NumberFormat::int8_weights:
    case NumberFormat::int4_weights:
    case NumberFormat::mxfp4_weights:
      return kTuring;
    case NumberFormat::fp8:
    case NumberFormat::fp8_block:
    case NumberFormat::int4_fp8:
      return kAda;
    case NumberFormat::mxfp8:
    case NumberFormat::nvfp4:
    case NumberFormat::mxfp4_mxfp8:
      return kBlackwell;
    case NumberFormat::fp64:
    case NumberFormat::fp32:
    case NumberFormat::fp16:
      return 0;
  }
  return 0;
}

bool lacks(NumberFormat format, const sim::Gpu& gpu) {
  const auto capability = capability_of(gpu);
  if (!capability || gpu.peak.contains(std::string(to_text(format)))) return false;
  return *capability < needed(format);
}

std::string_view generation(int capability) {
  return capability == kBlackwell ? "Blackwell"
         : capability == kAda     ? "Ada, Hopper or newer"
         : capability == kAmpere  ? "Ampere or newer"
                                  : "Turing or newer";
}

// The narrow weights with products of 16 bits.
NumberFormat weight_only(NumberFormat format) {
  if (format == NumberFormat::mxfp4_mxfp8) return NumberFormat::mxfp4_weights;
  return weight_bytes(format) < 1.0 ? NumberFormat::int4_weights : NumberFormat::int8_weights;
}

FormatSupport sixteen_bits(NumberFormat format, const sim::Gpu& gpu) {
  if (format == NumberFormat::tf32) {
    return {FormatRuns::otherwise, fmt::format("{} has no tf32: products run in fp32", gpu.name)};
  }
  return {FormatRuns::otherwise,
          fmt::format("{} has no tensor cores for bf16 (PyTorch emulates it, "
                      "vLLM refuses it): this "
                      "is the time of precision: fp16, which runs there",
                      gpu.name)};
}

}  // namespace

FormatSupport training_support(NumberFormat format, const sim::Gpu& gpu) {
  if (!lacks(format, gpu)) return {};
  const int capability = *capability_of(gpu);
  if (needed(format) == kAmpere) return sixteen_bits(format, gpu);
  const std::string_view runs = capability >= kAda      ? "fp8 and bf16 run"
                                : capability >= kAmpere ? "bf16 runs"
                                                        : "fp16 runs";
  return {FormatRuns::never,
          fmt::format("precision {} needs tensor cores that "
                      "{} does not have ({}); there {}",
                      to_text(format), gpu.name, generation(needed(format)), runs)};
}

FormatSupport serving_support(NumberFormat format, const sim::Gpu& gpu) {
  if (!lacks(format, gpu)) return {};
  const int capability = *capability_of(gpu);
  if (needed(format) == kAmpere) return sixteen_bits(format, gpu);
  if (capability < kAmpere) {
    return {FormatRuns::never,
            fmt::format("precision {} needs tensor cores that {} does not have ({}), and "
                        "weight-only kernels (Marlin) need Ampere or newer; there fp16 "
                        "runs",
                        to_text(format), gpu.name, generation(needed(format)))};
  }
  return {FormatRuns::otherwise,
          fmt::format("{} has no tensor cores for {}: engines keep the narrow weights "
                      "and multiply "
                      "in 16 bits (weight-only, Marlin); precision: {} predicts that",
                      gpu.name, to_text(format), to_text(weight_only(format)))};
}

}  // namespace windtunnel::models

#include "scenarios/steps/step_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "models/gpu_library.hpp"
#include "scenarios/serving/serve_defaults.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {
namespace {

using models::NumberFormat;
using strategies::PipelineSchedule;

// Letters and digits alone, in lower case: "fp8 (E4M3)" is fp8e4m3.
std::string letters(std::string_view words) {
  std::string out;
  for (const char c : words) {
    if (c >= 'A' && c <= 'Z') out += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
  }
  return out;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

constexpr std::array<std::string_view, 3> kInstinct{"mi300x", "mi325x", "mi355x"};

}  // namespace

std::string gpu_of_words(std::string_view words) {
  if (models::gpu_named(words)) return std::string(words);
  const std::string text = letters(words);
  for (const std::string_view name : kInstinct)
    if (has(text, name)) return std::string(name);
  for (const std::string& name : models::gpu_names())
    if (letters(name) == text) return name;
  return gpu_name_of(words);
}

std::string no_gpu_called(std::string_view words) {
  const std::string text = letters(words);
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOthers{
      {{"tpu", "TPUs"}, {"trainium", "Trainium"}, {"trn", "Trainium"}, {"gaudi", "Gaudi"}}};
  for (const auto& [part, name] : kOthers) {
    if (!has(text, part)) continue;
    return fmt::format("{} are no GPUs: '{}', its links and its compiler are not modelled", name,
                       words);
  }
  const std::vector<std::string> names = models::gpu_names();
  return fmt::format("no GPU is called '{}'{}", words,
                     base::did_you_mean(std::string(words), names));
}

std::optional<NumberFormat> precision_of_words(std::string_view words) {
  if (const auto exact = models::number_format_from(words)) return exact;
  const std::string text = letters(words);
  constexpr std::array<std::pair<std::string_view, NumberFormat>, 15> kWords{{
      {"nvfp4", NumberFormat::nvfp4},
      {"fp4", NumberFormat::nvfp4},
      {"mxfp8", NumberFormat::mxfp8},
      {"fp8block", NumberFormat::fp8_block},
      {"blockwisefp8", NumberFormat::fp8_block},
      {"fp8", NumberFormat::fp8},
      {"float8", NumberFormat::fp8},
      {"bf16", NumberFormat::bf16},
      {"bfloat16", NumberFormat::bf16},
      {"fp16", NumberFormat::fp16},
      {"float16", NumberFormat::fp16},
      {"half", NumberFormat::fp16},
      {"tf32", NumberFormat::tf32},
      {"fp32", NumberFormat::fp32},
      {"float32", NumberFormat::fp32},
  }};
  for (const auto& [part, format] : kWords)
    if (has(text, part)) return format;
  return std::nullopt;
}

NumberFormat run_on(const sim::Gpu& gpu, NumberFormat format) {
  // From narrow to wide; each has a peak of its name.
  constexpr std::array kWider{NumberFormat::nvfp4, NumberFormat::mxfp8, NumberFormat::fp8,
                              NumberFormat::bf16, NumberFormat::fp16};
  const auto asked = std::find(kWider.begin(), kWider.end(), format);
  const auto found = std::find_if(asked, kWider.end(), [&](NumberFormat one) {
    return gpu.peak.contains(std::string(models::to_text(one)));
  });
  return found == kWider.end() ? format : *found;
}

std::optional<PipelineSchedule> schedule_of_words(std::string_view words) {
  const std::string text = letters(words);
  constexpr std::array<std::pair<std::string_view, PipelineSchedule>, 8> kWords{{
      {"dualpipe", PipelineSchedule::dualpipe},
      {"zbv", PipelineSchedule::zb_v},
      {"zbh1", PipelineSchedule::zb_h1},
      {"zerobubble", PipelineSchedule::zb_h1},
      {"gpipe", PipelineSchedule::gpipe},
      {"interleav", PipelineSchedule::interleaved},
      {"1f1b", PipelineSchedule::one_f_one_b},
      {"pipedream", PipelineSchedule::one_f_one_b},
  }};
  for (const auto& [part, schedule] : kWords)
    if (has(text, part)) return schedule;
  return std::nullopt;
}

}  // namespace windtunnel::scenarios

#include "calibration/kernels/profile_compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/device_sheet.hpp"
#include "calibration/kernels/kernel_words.hpp"
#include "sim/base/diagnostics.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::calibration {
namespace {

using models::KernelQuery;
using models::NumberFormat;

std::vector<KernelQuery> gemm_shapes(NumberFormat format) {
  std::vector<KernelQuery> out;
  for (const std::int64_t m : {1, 17, 128, 1024, 8192})
    for (const auto& [n, k] : {std::pair<std::int64_t, std::int64_t>{4096, 4096},
                               {6144, 4096},
                               {28672, 4096},
                               {8192, 28672}})
      out.push_back(models::GemmQuery{.m = m, .n = n, .k = k, .format = format});
  return out;
}

std::vector<KernelQuery> attention_shapes(models::AttentionPhase phase, NumberFormat format,
                                          NumberFormat cache) {
  std::vector<KernelQuery> out;
  for (const std::int64_t length : {1024, 8192}) {
    for (const std::int64_t batch : {1, 16, 128}) {
      const bool decode = phase == models::AttentionPhase::decode;
      if (!decode && batch * length > 32768) continue;
      out.push_back(models::AttentionQuery{.phase = phase,
                                           .batch = batch,
                                           .heads = 32,
                                           .kv_heads = 8,
                                           .head_dim = 128,
                                           .q_len = decode ? 1 : length,
                                           .kv_len = length,
                                           .format = format,
                                           .kv_format = cache});
    }
  }
  return out;
}

std::vector<KernelQuery> moe_shapes(NumberFormat format) {
  std::vector<KernelQuery> out;
  for (const std::int64_t tokens : {16, 256, 4096}) {
    out.push_back(models::MoeQuery{.tokens = tokens,
                                   .hidden = 4096,
                                   .intermediate = 14336,
                                   .top_k = 2,
                                   .experts = 8,
                                   .format = format});
    out.push_back(models::MoeQuery{.tokens = tokens,
                                   .hidden = 7168,
                                   .intermediate = 2048,
                                   .top_k = 8,
                                   .experts = 256,
                                   .expert_ranks = 8,
                                   .format = format});
  }
  return out;
}

constexpr double kSizes[] = {65536, 1048576, 16777216, 268435456};

// "bf16/fp8": the products' and the cache's.
std::optional<std::pair<NumberFormat, NumberFormat>> formats_of(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto first = models::number_format_from(text.substr(0, slash));
  const auto second =
      slash == std::string::npos ? first : models::number_format_from(text.substr(slash + 1));
  if (!first || !second) return std::nullopt;
  return std::pair(*first, *second);
}

const Component* same_in(const KernelProfile& profile, const Component& component) {
  const Component* best = nullptr;
  for (const Component& c : profile.components)
    if (c.kind == component.kind && c.format == component.format &&
        (best == nullptr || c.kernel == component.kernel))
      best = &c;
  return best;
}

void compare_parameters(const Component& a, const Component& b, base::Table& table) {
  for (const FittedParameter& p : a.parameters)
    for (const FittedParameter& q : b.parameters)
      if (p.name == q.name)
        table.rows.push_back({a.kind, a.format, a.kernel, p.name, p.unit, p.value, q.value,
                              p.value != 0.0 ? base::Cell{q.value / p.value} : base::Cell{}});
}

void compare_predictions(const Component& component, const DeviceModel& a, const DeviceModel& b,
                         base::Table& table, std::vector<double>& ratios) {
  for (const KernelQuery& query : common_shapes(component)) {
    std::visit(
        [&](const auto& q) {
          ScoredKernel words;
          describe(q, words);
          const double first = a.time(q).time.value(), second = b.time(q).time.value();
          ratios.push_back(second / first);
          table.rows.push_back(
              {words.kind, words.precision, words.shape, first, second, second / first});
        },
        query);
  }
}

sim::Gpu sheet_or_error(const KernelProfile& profile) {
  auto sheet = sheet_of(profile);
  if (!sheet)
    throw base::InputError(
        {}, fmt::format("{}: there is no data sheet of its GPU '{}'", profile.name, profile.gpu));
  return std::move(*sheet);
}

}  // namespace

std::vector<KernelQuery> common_shapes(const Component& component) {
  using models::AttentionPhase;
  const auto formats = formats_of(component.format);
  if (component.kind == "gemm" && formats) return gemm_shapes(formats->first);
  if (component.kind == "moe" && formats) return moe_shapes(formats->first);
  for (const AttentionPhase phase :
       {AttentionPhase::context, AttentionPhase::decode, AttentionPhase::backward})
    if (formats && component.kind == fmt::format("attention_{}", to_text(phase)))
      return attention_shapes(phase, formats->first, formats->second);
  std::vector<KernelQuery> out;
  for (const double size : kSizes) {
    const base::Bytes bytes(size);
    const auto op = models::memory_op_from(component.format);
    const auto direction = models::copy_direction_from(component.format);
    if (component.kind == "memory" && op)
      out.push_back(models::MemoryQuery{.op = *op, .bytes = bytes});
    if (component.kind == "copy" && direction) out.push_back(models::CopyQuery{*direction, bytes});
    if (component.kind == "all_reduce")
      for (const std::int64_t gpus : {2, 4, 8})
        out.push_back(models::FusedAllReduceQuery{gpus, bytes,
                                                  component.format == "eager"
                                                      ? models::DispatchMode::eager
                                                      : models::DispatchMode::graph});
  }
  const auto kind = models::launch_kind_from(component.format);
  if (component.kind == "launch" && kind) out.push_back(models::LaunchQuery{*kind});
  return out;
}

ProfileComparison compare_profiles(const KernelProfile& a, const KernelProfile& b) {
  ProfileComparison out;
  out.parameters.columns = {"kind", "format", "kernel", "parameter", "unit", "a", "b", "ratio"};
  out.predictions.columns = {"kind", "format", "shape", "a_s", "b_s", "ratio"};
  out.only_in_one.columns = {"kind", "format", "kernel", "profile"};
  const DeviceModel first({a}, sheet_or_error(a)), second({b}, sheet_or_error(b));
  std::vector<double> ratios;
  std::vector<std::pair<std::string, std::string>> done;
  for (const Component& component : a.components) {
    const Component* other = same_in(b, component);
    if (other == nullptr) {
      out.only_in_one.rows.push_back({component.kind, component.format, component.kernel, a.name});
      continue;
    }
    compare_parameters(component, *other, out.parameters);
    const auto key = std::pair(component.kind, component.format);
    if (std::find(done.begin(), done.end(), key) != done.end()) continue;
    done.push_back(key);
    compare_predictions(component, first, second, out.predictions, ratios);
  }
  for (const Component& component : b.components)
    if (same_in(a, component) == nullptr)
      out.only_in_one.rows.push_back({component.kind, component.format, component.kernel, b.name});
  out.compared = static_cast<int>(ratios.size());
  out.median_ratio = ratios.empty() ? 1.0 : base::quantile(ratios, 0.5);
  for (const double ratio : ratios)
    out.greatest_difference = std::max(out.greatest_difference, std::abs(ratio - 1.0));
  return out;
}

}  // namespace windtunnel::calibration

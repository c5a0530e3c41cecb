#include "calibration/kernels/device_stand_ins.hpp"

#include <fmt/format.h>

#include <array>

#include "calibration/kernels/component_access.hpp"

namespace windtunnel::calibration {
namespace {

using models::MemoryOp;
using models::NumberFormat;

// The format itself, then those of its kind.
std::vector<NumberFormat> alike(NumberFormat format) {
  static const std::vector<std::vector<NumberFormat>> kGroups{
      {NumberFormat::bf16, NumberFormat::fp16},
      {NumberFormat::fp8, NumberFormat::fp8_block, NumberFormat::mxfp8},
      {NumberFormat::tf32, NumberFormat::fp32}};
  std::vector<NumberFormat> out{format};
  for (const auto& group : kGroups) {
    if (std::find(group.begin(), group.end(), format) == group.end()) continue;
    for (const NumberFormat other : group)
      if (other != format) out.push_back(other);
  }
  return out;
}

Likeness likeness(NumberFormat asked, NumberFormat other) {
  if (asked == other) return Likeness::exact;
  const bool sixteen = (asked == NumberFormat::bf16 && other == NumberFormat::fp16) ||
                       (asked == NumberFormat::fp16 && other == NumberFormat::bf16);
  return sixteen ? Likeness::twin : Likeness::near;
}

std::vector<ComponentKey> by_format(const std::string& kind, NumberFormat format) {
  std::vector<ComponentKey> keys;
  for (const NumberFormat one : alike(format))
    keys.push_back({kind, std::string(to_text(one)), likeness(format, one)});
  return keys;
}

std::string pair_text(NumberFormat products, NumberFormat cache) {
  if (products == cache) return std::string(to_text(products));
  return fmt::format("{}/{}", to_text(products), to_text(cache));
}

}  // namespace

std::vector<ComponentKey> gemm_keys(NumberFormat format) {
  return by_format("gemm", format);
}

std::vector<ComponentKey> moe_keys(NumberFormat format) {
  return by_format("moe", format);
}

std::vector<ComponentKey> attention_keys(models::AttentionPhase phase, NumberFormat format,
                                         NumberFormat cache) {
  std::vector<std::string> kinds{fmt::format("attention_{}", to_text(phase))};
  if (phase == models::AttentionPhase::backward) kinds.emplace_back("attention_context");
  std::vector<ComponentKey> keys;
  for (const std::string& kind : kinds) {
    for (const NumberFormat products : alike(format))
      for (const NumberFormat stored : alike(cache))
        keys.push_back({kind, pair_text(products, stored),
                        kind != kinds.front()
                            ? Likeness::near
                            : std::max(likeness(format, products), likeness(cache, stored))});
    // A decode streams its cache: how the products are made matters less than how keys are stored.
    if (phase == models::AttentionPhase::decode)
      for (const NumberFormat products : {NumberFormat::bf16, NumberFormat::fp16})
        if (products != format) keys.push_back({kind, pair_text(products, cache), Likeness::near});
  }
  return keys;
}

std::vector<ComponentKey> memory_keys(MemoryOp op) {
  static const std::vector<std::vector<MemoryOp>> kGroups{
      {MemoryOp::rms_norm, MemoryOp::layer_norm, MemoryOp::cross_entropy, MemoryOp::sampling},
      {MemoryOp::softmax},
      {MemoryOp::swiglu, MemoryOp::gelu},
      {MemoryOp::add, MemoryOp::residual_dropout, MemoryOp::copy, MemoryOp::fill, MemoryOp::cast,
       MemoryOp::optimizer},
      {MemoryOp::rotary, MemoryOp::kv_write, MemoryOp::embedding}};
  std::vector<ComponentKey> keys{{"memory", std::string(to_text(op))}};
  for (const auto& group : kGroups) {
    if (std::find(group.begin(), group.end(), op) == group.end()) continue;
    for (const MemoryOp other : group)
      if (other != op) keys.push_back({"memory", std::string(to_text(other)), Likeness::near});
  }
  return keys;
}

std::vector<ComponentKey> launch_keys(models::LaunchKind kind) {
  return {{"launch", std::string(to_text(kind))}};
}

std::vector<ComponentKey> copy_keys(models::CopyDirection direction) {
  using models::CopyDirection;
  std::vector<ComponentKey> keys{{"copy", std::string(to_text(direction))}};
  const auto also = [&](CopyDirection a, CopyDirection b) {
    if (direction == a) keys.push_back({"copy", std::string(to_text(b)), Likeness::near});
    if (direction == b) keys.push_back({"copy", std::string(to_text(a)), Likeness::near});
  };
  also(CopyDirection::host_to_device, CopyDirection::device_to_host);
  also(CopyDirection::host_to_device_pageable, CopyDirection::device_to_host_pageable);
  also(CopyDirection::peer, CopyDirection::peer_both_ways);
  return keys;
}

std::vector<ComponentKey> all_reduce_keys(models::DispatchMode mode) {
  return {{"all_reduce", mode == models::DispatchMode::eager ? "eager" : "graph"}};
}

std::optional<InterferencePlace> interference_place(const Component& component) {
  static constexpr std::array<std::string_view, 3> kKernels{"gemm", "attention", "memory"};
  static constexpr std::array<std::string_view, 4> kBackgrounds{"none", "host_copy", "peer_copy",
                                                                "collective"};
  for (std::size_t k = 0; k < kKernels.size(); ++k)
    for (std::size_t b = 1; b < kBackgrounds.size(); ++b)
      if (component.format == fmt::format("{}/{}", kKernels[k], kBackgrounds[b]))
        return InterferencePlace{k, b, std::max(1.0, parameter_or(component, "factor", 1.0))};
  return std::nullopt;
}

models::KernelTime unfused_time(const models::KernelTimeModel& model,
                                const models::AttentionQuery& q) {
  const std::int64_t keys = std::max(q.kv_len, q.q_len);
  const std::int64_t values = q.value_dim > 0 ? q.value_dim : q.head_dim;
  const std::int64_t matrices = q.batch * q.heads;
  const models::GemmQuery scores{
      .m = q.q_len, .n = keys, .k = q.head_dim, .batch = matrices, .format = q.format};
  const models::GemmQuery output{
      .m = q.q_len, .n = values, .k = keys, .batch = matrices, .format = q.format};
  const std::int64_t rows = matrices * q.q_len;
  const double elements = static_cast<double>(rows) * static_cast<double>(keys);
  const models::MemoryQuery softmax{
      models::MemoryOp::softmax, base::Bytes(2 * elements * models::output_bytes(q.format)), rows};
  models::KernelTime sum = model.time(scores);
  const auto add = [&](const models::KernelTime& part, double times) {
    sum.time += part.time * times;
    sum.low += part.low * times;
    sum.high += part.high * times;
    sum.extrapolated = sum.extrapolated || part.extrapolated;
    sum.basis = std::max(sum.basis, part.basis);
  };
  // Backward: two products for each of the forward's, and the softmax's gradient reads both the
  // scores and their gradient.
  const bool backward = q.phase == models::AttentionPhase::backward;
  if (backward) add(model.time(scores), 1);
  add(model.time(output), backward ? 2 : 1);
  add(model.time(softmax), backward ? 1.5 : 1);
  return sum;
}

}  // namespace windtunnel::calibration

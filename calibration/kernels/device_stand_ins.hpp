// Which component answers which query, and which stands in where it is missing: keys (kind, format)
// from exact to near. Internal to DeviceModel.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "calibration/kernels/kernel_profile.hpp"
#include "models/kernels/kernel_time_model.hpp"

namespace windtunnel::calibration {

// exact: what was asked for; twin: same width and rate (fp16 and bf16); near: of its kind.
enum class Likeness { exact, twin, near };
struct ComponentKey {
  std::string kind, format;
  Likeness likeness = Likeness::exact;
};

// Formats stand in for one another where width and tensor rate are the same (fp16 and bf16; the
// 8-bit floats); ops of one pattern of traffic do (norms; element-wise).
std::vector<ComponentKey> gemm_keys(models::NumberFormat format);
std::vector<ComponentKey> moe_keys(models::NumberFormat format);
std::vector<ComponentKey> attention_keys(models::AttentionPhase phase, models::NumberFormat format,
                                         models::NumberFormat cache);
std::vector<ComponentKey> memory_keys(models::MemoryOp op);
std::vector<ComponentKey> launch_keys(models::LaunchKind kind);
std::vector<ComponentKey> copy_keys(models::CopyDirection direction);
std::vector<ComponentKey> all_reduce_keys(models::DispatchMode mode);

// A component of kind interference: format "gemm/collective", parameter `factor`.
struct InterferencePlace {
  std::size_t first = 0, second = 0;  // kernel class, background
  double factor = 1.0;
};
std::optional<InterferencePlace> interference_place(const Component& component);

// Attention as GEMM, softmax, GEMM: the sum of the parts as `model` answers them.
models::KernelTime unfused_time(const models::KernelTimeModel& model,
                                const models::AttentionQuery& query);

}  // namespace windtunnel::calibration

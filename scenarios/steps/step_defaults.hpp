// What a framework does where a measured row does not say: one row a framework.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/kernels/number_format.hpp"
#include "models/networks/activation_memory.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::scenarios {

struct StepDefaults {
  std::string software;            // of strategies::software_stacks()
  bool sequence_parallel = false;  // where tensor > 1
  bool overlap_data = false;
  bool overlap_tensor = false;
  bool overlap_pipeline = false;
  // Where experts lie beyond one NVLink domain and the schedule is interleaved.
  bool overlap_expert = false;
  bool overlap_expert_8bit = false;  // and with 8-bit products anywhere
  bool split_experts = false;        // experts as wide as the hidden state over the tensor ranks
  models::NumberFormat gradients = models::NumberFormat::fp32;  // kept and reduced in
  std::optional<models::NumberFormat> bf16_gradients{};  // of a job in bf16, where not the same
  models::Recompute recompute = models::Recompute::none;
  // Its recipes turn on what a row leaves open only as far as the job would not fit without
  // (step_fit.hpp).
  bool recompute_to_fit = true;
  bool offload_to_fit = false;  // with ZeRO-3 activations to the host instead
  int padded_vocabulary = 128;  // multiple, times the tensor ranks; 1: as it is
  // What it computes in where a row's `precision` names a mixture; nothing: as the row says.
  std::optional<models::NumberFormat> precision{};
  std::string why;
};

const std::vector<StepDefaults>& step_defaults();
// By the text of a row's `stack`; the default stack's for an unknown one.
const StepDefaults& step_defaults_of(std::string_view stack);

}  // namespace windtunnel::scenarios

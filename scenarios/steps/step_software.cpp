#include "scenarios/steps/step_software.hpp"

#include <regex>

#include "models/gpu_library.hpp"
#include "strategies/train/software_stack.hpp"

namespace windtunnel::scenarios {
namespace {

bool is_newer_than_2021(const std::string& gpu) {
  const auto sheet = models::gpu_named(gpu);
  return sheet && (sheet->architecture == "hopper" || sheet->architecture == "blackwell");
}

// "Megatron-Bridge/NeMo 26.06.01" and later, for what its recipes of MXFP8 do differently.
bool has_fused_experts(const StepRow& row) {
  static const std::regex kRelease("([0-9]{2})\\.([0-9]{2})");
  std::smatch found;
  if (!std::regex_search(row.stack, found, kRelease)) return false;
  constexpr int kFirst = 2606;
  return row.precision == "mxfp8" && std::stoi(found[1]) * 100 + std::stoi(found[2]) >= kFirst;
}

// FSDP beside tensor and pipeline parallelism is what in-house trainers built on Megatron's layers
// call their sharding; of PyTorch's own stacks only torchtitan does all three.
bool is_megatron_with_fsdp(const StepRow& row, const std::string& name) {
  const bool fsdp = name.starts_with("fsdp") || name == "composer-fsdp";
  return fsdp && row.tensor.value_or(1) > 1 && row.pipeline.value_or(1) > 1 &&
         row.stack.find("torchtitan") == std::string::npos;
}

}  // namespace

std::string software_of(const StepRow& row) {
  const std::string name =
      strategies::stack_of_text(row.stack).value_or(strategies::default_stack()).name;
  if (name == "megatron-bridge" && has_fused_experts(row)) return "megatron-bridge-26.06";
  const bool in_house = is_megatron_with_fsdp(row, name);
  if (name != "megatron-lm-2021" && !in_house) return name;
  if (is_newer_than_2021(row.gpu)) return "megatron-core";
  if (row.source.find("2205.05198") != std::string::npos) return "megatron-lm-2022";
  if (row.source.find("README 2020") != std::string::npos) return "megatron-lm-2020";
  return name;
}

}  // namespace windtunnel::scenarios

#include "scenarios/steps/step_software.hpp"

#include "models/gpu_library.hpp"
#include "strategies/train/software_stack.hpp"

namespace windtunnel::scenarios {
namespace {

bool is_newer_than_2021(const std::string& gpu) {
  const auto sheet = models::gpu_named(gpu);
  return sheet && (sheet->architecture == "hopper" || sheet->architecture == "blackwell");
}

}  // namespace

std::string software_of(const StepRow& row) {
  const std::string name =
      strategies::stack_of_text(row.stack).value_or(strategies::default_stack()).name;
  if (name != "megatron-lm-2021") return name;
  if (is_newer_than_2021(row.gpu)) return "megatron-core";
  if (row.source.find("2205.05198") != std::string::npos) return "megatron-lm-2022";
  if (row.source.find("README 2020") != std::string::npos) return "megatron-lm-2020";
  return name;
}

}  // namespace windtunnel::scenarios

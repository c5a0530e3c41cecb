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
  if (name == "megatron-lm-2021" && is_newer_than_2021(row.gpu)) return "megatron-core";
  return name;
}

}  // namespace windtunnel::scenarios

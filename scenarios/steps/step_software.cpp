#include "scenarios/steps/step_software.hpp"

#include <regex>

#include "models/gpu_library.hpp"
#include "scenarios/steps/step_words.hpp"
#include "strategies/train/software_stack.hpp"

namespace windtunnel::scenarios {
namespace {

bool is_newer_than_2021(const std::string& gpu) {
  const auto sheet = models::gpu_named(gpu_of_words(gpu));
  return sheet && (sheet->architecture == "hopper" || sheet->architecture == "blackwell" ||
                   sheet->architecture.starts_with("cdna"));
}

// "Megatron-Bridge/NeMo 26.06.01" and later, for what its recipes of MXFP8 do differently.
bool has_fused_experts(const StepRow& row) {
  static const std::regex kRelease("([0-9]{2})\\.([0-9]{2})");
  std::smatch found;
  if (!std::regex_search(row.stack, found, kRelease)) return false;
  constexpr int kFirst = 2606;
  return row.precision == "mxfp8" && std::stoi(found[1]) * 100 + std::stoi(found[2]) >= kFirst;
}

// A paper runs the Megatron-LM of its time: yymm of "arXiv 2402.15627", 0 where none is named.
int paper_of(const std::string& source) {
  static const std::regex kArxiv("arXiv[: ]?([0-9]{4})\\.[0-9]{4,5}");
  std::smatch found;
  return std::regex_search(source, found, kArxiv) ? std::stoi(found[1]) : 0;
}

// FSDP beside tensor and pipeline parallelism is what in-house trainers built on Megatron's layers
// call their sharding; of PyTorch's own stacks only torchtitan does all three.
bool is_megatron_with_fsdp(const StepRow& row, const std::string& name) {
  const bool fsdp = name.starts_with("fsdp") || name == "composer-fsdp";
  return fsdp && row.tensor.value_or(1) > 1 && row.pipeline.value_or(1) > 1 &&
         row.stack.find("torchtitan") == std::string::npos;
}

// DeepSeek's trainer, HAI-LLM, sends a token once to each of the few nodes that its experts lie on and
// from there over NVLink (arXiv 2412.19437, section 3.2.2), as Megatron-Bridge's dispatcher does.
bool is_of_deepseek(const StepRow& row) {
  return row.stack.find("HAI-LLM") != std::string::npos ||
         (!strategies::stack_of_text(row.stack) &&
          schedule_of_words(row.schedule) == strategies::PipelineSchedule::dualpipe);
}

}  // namespace

std::string software_of(const StepRow& row) {
  if (is_of_deepseek(row)) return "megatron-bridge";
  const std::string name =
      strategies::stack_of_text(row.stack).value_or(strategies::default_stack()).name;
  if (name == "megatron-bridge" && has_fused_experts(row)) return "megatron-bridge-26.06";
  const bool in_house = is_megatron_with_fsdp(row, name);
  if (name != "megatron-lm-2021" && !in_house) return name;
  if (is_newer_than_2021(row.gpu)) return "megatron-core";
  constexpr int kSequenceParallelism = 2205;  // the paper of Megatron-LM 3
  if (paper_of(row.source) >= kSequenceParallelism) return "megatron-lm-2022";
  for (const char* name_of_paper : {"2205.05198", "Reducing Activation Recomputation"}) {
    if (row.source.find(name_of_paper) != std::string::npos) return "megatron-lm-2022";
  }
  if (row.source.find("README 2020") != std::string::npos) return "megatron-lm-2020";
  return name;
}

}  // namespace windtunnel::scenarios

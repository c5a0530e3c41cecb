// Which software ran a measured row: of strategies::software_stacks(), by the text of `stack`, the
// GPU and the release it names.
#pragma once

#include <string>

#include "scenarios/steps/step_row.hpp"

namespace windtunnel::scenarios {

// The name of a software stack. "Megatron-LM" without a year on a GPU that came after the papers of
// 2021 (Hopper, Blackwell) is Megatron-Core, and that of the paper on recomputation (arXiv 2205.05198)
// or of the README of 2020 is of that year; of Megatron-Bridge the release of the container decides.
// Unknown text: the default stack.
std::string software_of(const StepRow& row);

}  // namespace windtunnel::scenarios

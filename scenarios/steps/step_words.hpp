// What a measured row calls its GPU, its number format and its schedule, as published tables spell
// them: "NVIDIA H100 80GB HBM3", "amp_bf16", "fp8 hybrid", "interleaved 1F1B", "DualPipe". The names of
// the library come first; what is no spelling of one of them is not guessed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "models/kernels/number_format.hpp"
#include "strategies/train/pipeline_plan.hpp"

namespace windtunnel::scenarios {

// Name of a data sheet; empty where the words are of none.
std::string gpu_of_words(std::string_view words);
// Why no GPU of the library is meant, in a sentence: what TPUs, Trainium and Gaudi would need.
std::string no_gpu_called(std::string_view words);

// Of the products, the narrowest that the words name ("fp8 hybrid" is fp8, "bf16-mixed" bf16).
std::optional<models::NumberFormat> precision_of_words(std::string_view words);

// Nothing for a blank, and for a schedule that is not modelled.
std::optional<strategies::PipelineSchedule> schedule_of_words(std::string_view words);

}  // namespace windtunnel::scenarios

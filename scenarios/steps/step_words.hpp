// What a measured row calls its GPU, its number format and its schedule, as published tables spell
// them: "NVIDIA H100 80GB HBM3", "amp_bf16", "fp8 hybrid", "interleaved 1F1B", "DualPipe". The names of
// the library come first; what is no spelling of one of them is not guessed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "models/kernels/number_format.hpp"
#include "sim/platform/gpu.hpp"
#include "strategies/train/pipeline_plan.hpp"

namespace windtunnel::scenarios {

// Name of a data sheet; empty where the words are of none.
std::string gpu_of_words(std::string_view words);
// Why no GPU of the library is meant, in a sentence: what TPUs, Trainium and Gaudi would need.
std::string no_gpu_called(std::string_view words);

// Of the products, the narrowest that the words name ("fp8 hybrid" is fp8, "bf16-mixed" bf16).
std::optional<models::NumberFormat> precision_of_words(std::string_view words);

// What the GPU's software runs where a table names a format that its tensor cores lack ("FP8-MX /
// blockwise" of a table of several GPUs, for a H100 fp8): the next wider one of its sheet.
models::NumberFormat run_on(const sim::Gpu& gpu, models::NumberFormat format);

// Nothing for a blank, and for a schedule that is not modelled.
std::optional<strategies::PipelineSchedule> schedule_of_words(std::string_view words);

}  // namespace windtunnel::scenarios

// How a row says its layers lie on the stages of the pipeline.
//
// In the notes: "layers per stage (incl. embed/head) [7, 9, 9, 9]", embedding and head counted as a
// layer each, on the first and the last stage.
#pragma once

#include <cstdint>
#include <vector>

#include "scenarios/steps/step_row.hpp"

namespace windtunnel::scenarios {

// Layers of each stage without embedding and head; empty where the notes do not say, or say something
// that is not `layers` over the row's stages.
std::vector<std::int64_t> stated_stage_layers(const StepRow& row, std::int64_t layers);

}  // namespace windtunnel::scenarios

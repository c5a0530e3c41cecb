// A pipeline schedule made ready for timing: its steps in an order in which each finds its inputs done,
// with what each waits for and hands on.
//
// Which step waits for which is a matter of the schedule alone, so that a program serves any costs: a
// search that times a schedule for thousands of layouts resolves it once.
// Contract: steps of a device are in the device's order; a slot that a step needs is given by a step
// before it. O(P m) steps of 40 bytes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "strategies/train/pipeline_plan.hpp"

namespace windtunnel::strategies {

struct ProgramStep {
  // A result for a later step; `hop`: between which neighbours it travels (hop_between).
  struct Gift {
    std::int32_t slot = -1;  // -1: none
    std::int32_t hop = -1;   // -1: stays on the device
  };
  Pass pass = Pass::forward;
  bool closes_gradients = false;  // the last pass to add to those of its chunk
  std::int32_t device = 0;
  std::int32_t on = 0, other = 0;             // positions: of the step, of the backward beside it
  std::array<std::int32_t, 2> needs{-1, -1};  // slots; -1: nothing
  std::array<Gift, 2> gives{};                // of the forward, of the backward
};

struct PipelineProgram {
  std::vector<ProgramStep> steps;
  std::size_t slots = 0;  // of results: forwards of (micro-batch, position), then backwards
};

PipelineProgram pipeline_program(const PipelinePlan& plan);

// Which hop lies between two neighbouring devices of a pipeline (the last and the first are).
std::size_t hop_between(std::int32_t stages, std::int32_t from, std::int32_t to);

}  // namespace windtunnel::strategies

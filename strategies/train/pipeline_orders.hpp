// The order of passes on one device, one function a schedule. Sources are named in
// pipeline_plan.hpp and at each function; all are pure functions of the shape.
#pragma once

#include <vector>

#include "strategies/train/pipeline_plan.hpp"

namespace windtunnel::strategies {

// All forwards, then all backwards, last micro-batch first (Huang et al. 2019, arXiv 1811.06965).
std::vector<PipelineStep> gpipe_order(const PipelineShape& shape);

// p - 1 - device forwards, then one forward, one backward (PipeDream-Flush, arXiv 2006.09503).
std::vector<PipelineStep> one_f_one_b_order(const PipelineShape& shape, std::int32_t device);

// The same over v chunks, micro-batches in groups of p (Narayanan et al. 2021).
std::vector<PipelineStep> interleaved_order(const PipelineShape& shape, std::int32_t device);

// 1F1B whose backward is split; weight gradients wait, never more than `device` of them, so that
// they fill the drain. Holds what 1F1B holds on its first device.
std::vector<PipelineStep> zb_h1_order(const PipelineShape& shape, std::int32_t device);

// The V-shaped schedule of two chunks a device without bubble where F = B = W.
std::vector<PipelineStep> zb_v_order(const PipelineShape& shape, std::int32_t device);

// Two directions at once; forward of one beside the backward of the other.
std::vector<PipelineStep> dualpipe_order(const PipelineShape& shape, std::int32_t device);

}  // namespace windtunnel::strategies

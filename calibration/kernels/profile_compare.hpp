// Two kernel profiles side by side: parameters, and predictions on a common set of shapes.
//
// The shapes are those of transformer layers: products of 1 to 8192 tokens with (n, k) of 7 B to
// 70 B models, attention of 1k to 8k tokens, decodes of 1 to 128 sequences, two MoE layers, passes
// from 64 KiB to 256 MiB, copies, all-reduces of 2 to 8 GPUs; each in the formats that both profiles
// hold components for. ratio = B / A.
#pragma once

#include <vector>

#include "calibration/kernels/kernel_profile.hpp"
#include "models/kernels/kernel_query.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::calibration {

struct ProfileComparison {
  base::Table parameters;   // kind format kernel parameter unit a b ratio
  base::Table predictions;  // kind format shape a_s b_s ratio
  base::Table only_in_one;  // kind format kernel profile
  double median_ratio = 1.0, greatest_difference = 0.0;  // of predictions; |ratio - 1|
  int compared = 0;
};
ProfileComparison compare_profiles(const KernelProfile& a, const KernelProfile& b);

// The shapes, of a kind and format; empty for a kind without queries (`sheet`).
std::vector<models::KernelQuery> common_shapes(const Component& component);

}  // namespace windtunnel::calibration

// A GEMM component tried on rows that its fit had not seen.
//
// For each split (gemm_points.hpp) and fold the component is fitted to the other folds and predicts
// this one. The band surface comes from the misses of all splits; the coverage that is reported for
// a fold comes from a band surface that had not seen the fold's own misses.
#pragma once

#include <vector>

#include "calibration/kernels/gemm_fitter.hpp"

namespace windtunnel::calibration {

struct GemmTrials {
  std::vector<GemmTrial> trials;
  ResidualGrid band;  // half-width of ln time at 90 %; no axes where nothing could be left out
};
GemmTrials try_gemm(const GemmGroup& group, const GemmFitter& fitter, GemmLookUps look_ups);

}  // namespace windtunnel::calibration

// Who answers how long a kernel takes, with a band and what the answer rests on. `RooflineModel`
// (here) needs only a data sheet; calibration/ implements it from a fitted profile and falls back to
// the roofline. strategies/ sees this interface alone.
//
// Contract: deterministic and thread-safe; no allocation on the warm path (a profile answers in
// under 200 ns); time > 0, low <= time <= high at 90 %; a query outside what was seen gets a wider
// band and `extrapolated`, never an error.
#pragma once

#include <string>
#include <vector>

#include "models/kernels/kernel_query.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::models {

// measured: a knot was fitted on this very shape; interpolated: between knots of a fitted surface;
// model: the fitted form alone; roofline: data sheet and carried-over efficiency.
enum class Basis { measured, interpolated, model, roofline };
std::string_view to_text(Basis basis);

struct KernelTime {
  base::Seconds time{0};
  base::Seconds low{0}, high{0};  // 90 % band
  Basis basis = Basis::roofline;
  bool extrapolated = false;  // outside the ranges the fit saw
};

class KernelTimeModel {
 public:
  virtual ~KernelTimeModel() = default;
  virtual std::string name() const = 0;  // of the profile, or "roofline of <gpu>"
  virtual KernelTime time(const GemmQuery& query) const = 0;
  virtual KernelTime time(const AttentionQuery& query) const = 0;
  virtual KernelTime time(const MoeQuery& query) const = 0;
  virtual KernelTime time(const MemoryQuery& query) const = 0;
  virtual KernelTime time(const LaunchQuery& query) const = 0;
  virtual KernelTime time(const CopyQuery& query) const = 0;
  virtual KernelTime time(const FusedAllReduceQuery& query) const = 0;
  virtual double slowdown(const InterferenceQuery& query) const = 0;  // >= 1
  // What stood in for what, in a sentence ("no fp8 GEMM of this stack: roofline at 0.71 of peak, as
  // bf16"); empty where the profile speaks of exactly this. Not on the warm path.
  virtual std::string note(const KernelQuery& query) const = 0;
};

}  // namespace windtunnel::models

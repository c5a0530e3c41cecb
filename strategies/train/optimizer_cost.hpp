// What an optimizer keeps and what a step of it moves, per parameter.
//
// Bytes a parameter (fp32 states): sgd none, momentum and lars one, adam, adamw and lamb two,
// adafactor a row and a column sum (taken as none). Training below fp32 keeps a master copy of 4
// bytes besides. A step reads the gradient, reads and writes states and master copy, and writes the
// weight; lars and lamb read weight and update once more for their norms. Clipping by the global
// norm reads every gradient once before; loss scaling (fp16) reads and writes every gradient to
// unscale it and looks for overflow on the way.
// Sources: Rajbhandari et al. 2020 (ZeRO, arXiv 1910.02054), section 3.1 (2 + 2 + 12 bytes for
// mixed-precision Adam); Korthikanti et al. 2022, figure 1 (18 bytes with fp32 gradients).
#pragma once

#include <cstdint>

#include "models/kernels/number_format.hpp"
#include "sim/base/quantity.hpp"
#include "strategies/train/job.hpp"

namespace windtunnel::strategies {

struct BytesPerParameter {
  double weight = 2;
  double gradient = 4;
  double states = 8;  // without the master copy
  double master = 4;

  double optimizer() const { return states + master; }
  double total() const { return weight + gradient + states + master; }
};

// fp8 and narrower train on 16-bit weights with casts (Transformer Engine), so they store as bf16.
BytesPerParameter bytes_per_parameter(Optimizer optimizer, models::NumberFormat precision,
                                      models::NumberFormat gradient_precision);

// What is stored for weights in this precision: bf16 for fp8, mxfp8, nvfp4.
models::NumberFormat storage_format(models::NumberFormat precision);

struct OptimizerStep {
  base::Bytes update{0};   // read and written by the step itself
  base::Bytes scaling{0};  // unscaling of gradients, where the precision needs it
  base::Bytes norm{0};     // of clipping
};

// Of `parameters` on this device, whose optimizer states it holds.
OptimizerStep optimizer_step(double parameters, Optimizer optimizer, models::NumberFormat precision,
                             models::NumberFormat gradient_precision);

}  // namespace windtunnel::strategies

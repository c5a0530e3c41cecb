// Which number formats a GPU's software really multiplies, and what runs in place of the others.
//
// By generation (compute capability): bf16 and tf32 from Ampere (8.0), int8 from Turing (7.5), fp8 from
// Ada and Hopper (8.9), nvfp4, mxfp8 and mxfp4 with 8-bit activations from Blackwell (10.0); AMD's CDNA 3
// has fp8, CDNA 4 the mx formats. Training in fp8 and fewer bits is refused where tensor cores lack the
// format (Transformer Engine, "Getting started": 8.9 for fp8, 10.0 for mxfp8 and nvfp4). Serving keeps
// the narrow weights and multiplies in 16 bits (weight-only kernels such as Marlin, Frantar et al. 2024,
// arXiv 2408.11743, from Ampere on; vLLM's table of supported hardware).
// A GPU of an unknown generation is taken at the word of its sheet.
#pragma once

#include <string>

#include "models/kernels/number_format.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

enum class FormatRuns { as_asked, otherwise, never };

struct FormatSupport {
  FormatRuns runs = FormatRuns::as_asked;
  std::string sentence{};  // what runs instead, or what is needed; where it is not as asked
};

FormatSupport training_support(NumberFormat format, const sim::Gpu& gpu);
FormatSupport serving_support(NumberFormat format, const sim::Gpu& gpu);

}  // namespace windtunnel::models

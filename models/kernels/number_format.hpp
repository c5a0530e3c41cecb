// Number formats of a kernel's operands: what is stored, what is multiplied, what it costs in bytes.
//
// A format names the pair (weights, activations) as inference and training stacks do: `fp8` is
// E4M3 with one scale a tensor (or row), `fp8_block` one scale per 128 x 128 block of weights and
// per 128 activations, `mxfp8` and `nvfp4` one scale per 32 and per 16 elements; `int8_weights`,
// `int4_weights` and `mxfp4_weights` keep 16-bit activations; `int4_fp8` and `mxfp4_mxfp8` multiply
// narrow weights with 8-bit activations. Text is the spelling of contract.md's `precision` where it
// has one.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace windtunnel::models {

enum class NumberFormat {
  fp64,
  fp32,
  tf32,
  fp16,
  bf16,
  fp8,
  fp8_block,
  mxfp8,
  int8,
  int8_weights,
  int4_weights,
  int4_fp8,
  nvfp4,
  mxfp4_weights,
  mxfp4_mxfp8,
};

std::string_view to_text(NumberFormat format);
std::optional<NumberFormat> number_format_from(std::string_view text);  // aliases: half, float, ...
const std::vector<NumberFormat>& all_number_formats();

// Bytes an element takes, scales included.
double weight_bytes(NumberFormat format);
double activation_bytes(NumberFormat format);
double output_bytes(NumberFormat format);  // of a GEMM's result: 2 below 16 bits
// The key into `sim::Gpu::peak` of the tensor-core rate the product runs at.
std::string_view math_peak(NumberFormat format);

}  // namespace windtunnel::models

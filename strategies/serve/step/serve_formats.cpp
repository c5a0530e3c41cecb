#include "strategies/serve/step/serve_formats.hpp"

#include <fmt/format.h>

namespace windtunnel::strategies {

using models::NumberFormat;

models::Formats serve_formats(NumberFormat precision, NumberFormat kv_precision) {
  NumberFormat wide = NumberFormat::bf16;
  if (precision == NumberFormat::fp16) wide = NumberFormat::fp16;
  if (precision == NumberFormat::fp32 || precision == NumberFormat::tf32) wide = precision;
  models::Formats formats;
  formats.linear = precision;
  formats.experts = precision;
  formats.attention = wide;
  formats.head = wide;
  formats.kv_cache = models::activation_bytes(kv_precision) < 2.0 ? kv_precision : wide;
  return formats;
}

models::Formats with_experts_alone(models::Formats formats) {
  const bool mxfp4 = formats.experts == NumberFormat::mxfp4_weights ||
                     formats.experts == NumberFormat::mxfp4_mxfp8;
  if (mxfp4) formats.linear = formats.attention;
  return formats;
}

models::Formats with_narrow_attention(models::Formats formats) {
  const bool narrow = models::activation_bytes(formats.linear) < 2.0 &&
                      models::activation_bytes(formats.kv_cache) < 2.0;
  if (narrow) formats.attention = NumberFormat::fp8;
  return formats;
}

RankOptions rank_options(const ServeStrategy& strategy) {
  return {.formats = serve_formats(strategy.precision, strategy.kv_precision),
          .expert_skew = strategy.expert_skew,
          .sparsity = strategy.pruning.two_four ? Sparsity::two_four : Sparsity::dense};
}

std::vector<std::string> rank_warnings(const ServeStrategy& strategy) {
  std::vector<std::string> warnings;
  if (strategy.pruning.two_four) {
    warnings.push_back("2:4 sparsity applies to linear layers; experts stay dense");
  }
  return warnings;
}

}  // namespace windtunnel::strategies

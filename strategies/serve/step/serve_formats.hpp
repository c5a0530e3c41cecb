// Which number formats the products and the cache of a serving strategy use.
//
// Linear layers and experts run in `precision`; attention, head, router, norms and embedding stay at
// 16 bits (32 where precision is 32); keys and values are stored in kv_precision.
#pragma once

#include <string>
#include <vector>

#include "models/networks/layout.hpp"
#include "strategies/serve/job.hpp"
#include "strategies/serve/step/rank_times.hpp"

namespace windtunnel::strategies {

models::Formats serve_formats(models::NumberFormat precision, models::NumberFormat kv_precision);
// fp8 attention where both products and keys are 8 bits wide or less; else as it was.
// MXFP4 checkpoints of experts' models (gpt-oss) have it for the experts alone: other products stay
// at 16 bits.
models::Formats with_experts_alone(models::Formats formats);
models::Formats with_narrow_attention(models::Formats formats);
RankOptions rank_options(const ServeStrategy& strategy);
// What of a strategy's optimisations is not simulated.
std::vector<std::string> rank_warnings(const ServeStrategy& strategy);

}  // namespace windtunnel::strategies

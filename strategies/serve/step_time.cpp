#include "strategies/serve/step_time.hpp"

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {

std::int64_t StepBatch::prompt_tokens() const {
  std::int64_t sum = 0;
  for (const PromptChunk& chunk : prompts) sum += chunk.tokens;
  return sum;
}

StepTime StepTimeModel::time(const std::vector<StepBatch>& ranks) {
  StepTime slowest;
  for (const StepBatch& rank : ranks) {
    if (rank.empty()) continue;
    const StepTime one = time(rank);
    slowest.total = base::max(slowest.total, one.total);
    slowest.latency = base::max(slowest.latency, one.latency);
    slowest.device = base::max(slowest.device, one.device);
  }
  return slowest;
}

}  // namespace windtunnel::strategies

#include "strategies/train/attention_generation.hpp"

namespace windtunnel::strategies {
namespace {

struct Ceiling {
  double forward, backward;
};

Ceiling ceiling_of(AttentionGeneration generation, std::string_view architecture) {
  // Without asynchronous tensor-core instructions a newer GPU gains less than its peak says.
  const bool newer = architecture == "hopper" || architecture == "blackwell";
  switch (generation) {
    case AttentionGeneration::flash_1:
      return newer ? Ceiling{0.20, 0.16} : Ceiling{0.40, 0.30};
    case AttentionGeneration::flash_2:
      return newer ? Ceiling{0.32, 0.27} : Ceiling{0.70, 0.60};
    case AttentionGeneration::current:
      break;
  }
  return {1.0, 1.0};
}

}  // namespace

double attention_ceiling(AttentionGeneration generation, AttentionDirection direction,
                         std::string_view architecture) {
  const Ceiling ceiling = ceiling_of(generation, architecture);
  return direction == AttentionDirection::forward ? ceiling.forward : ceiling.backward;
}

}  // namespace windtunnel::strategies

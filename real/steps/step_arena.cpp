#include "real/steps/step_arena.hpp"

#include "real/steps/parameters.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

constexpr std::int64_t kAlignment = 256;
constexpr std::int64_t kHalf = 2, kFloat = 4;  // bytes

}  // namespace

StepArena::StepArena(const StepShape& s) {
  const std::int64_t t = s.tokens(), wide = kHalf * t * s.hidden;
  const std::int64_t parameters = ParameterLayout(s).size();
  add(StepTensor::weights, -1, kHalf * parameters);
  for (const StepTensor state :
       {StepTensor::master, StepTensor::moment1, StepTensor::moment2, StepTensor::gradient})
    add(state, -1, kFloat * parameters);
  for (std::int64_t layer = 0; layer < s.layers; ++layer) {
    for (const StepTensor tensor :
         {StepTensor::x, StepTensor::norm1, StepTensor::x1, StepTensor::norm2})
      add(tensor, layer, wide);
    add(StepTensor::stats1, layer, 2 * kFloat * t);
    add(StepTensor::stats2, layer, 2 * kFloat * t);
    add(StepTensor::qkv, layer, kHalf * t * s.qkv_width());
    add(StepTensor::heads, layer, kHalf * t * s.attention_width());
    add(StepTensor::lse, layer, kFloat * t * s.heads);
    add(StepTensor::up, layer, kHalf * t * s.up_width());
    add(StepTensor::activated, layer, kHalf * t * s.ffn);
  }
  add(StepTensor::x, s.layers, wide);
  for (const StepTensor scratch :
       {StepTensor::branch, StepTensor::d_x, StepTensor::d_norm, StepTensor::d_branch})
    add(scratch, -1, wide);
  add(StepTensor::d_activated, -1, kHalf * t * s.ffn);
  add(StepTensor::d_up, -1, kHalf * t * s.up_width());
  add(StepTensor::d_heads, -1, kHalf * t * s.attention_width());
  add(StepTensor::d_qkv, -1, kHalf * t * s.qkv_width());
  if (s.vocabulary == 0) {
    add(StepTensor::cotangent, -1, wide);
    return;
  }
  add(StepTensor::tokens, -1, kFloat * t);
  add(StepTensor::targets, -1, kFloat * t);
  add(StepTensor::final_norm, -1, wide);
  add(StepTensor::final_stats, -1, 2 * kFloat * t);
  add(StepTensor::logits, -1, kHalf * t * s.vocabulary);
  add(StepTensor::loss_rows, -1, kFloat * t);
  add(StepTensor::loss_lse, -1, kFloat * t);
  add(StepTensor::loss, -1, kFloat);
}

void StepArena::add(StepTensor tensor, std::int64_t layer, std::int64_t bytes) {
  places_[{tensor, layer}] = {bytes_, bytes};
  bytes_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::int64_t StepArena::offset(StepTensor tensor, std::int64_t layer) const {
  const auto found = places_.find({tensor, layer});
  base::expects(found != places_.end(), "the step has this tensor");
  return found->second.first;
}

std::int64_t StepArena::size(StepTensor tensor, std::int64_t layer) const {
  const auto found = places_.find({tensor, layer});
  base::expects(found != places_.end(), "the step has this tensor");
  return found->second.second;
}

}  // namespace windtunnel::real

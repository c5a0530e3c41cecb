#include "real/steps/device/device_step.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "real/benchmark.hpp"
#include "real/cuda/attention.hpp"
#include "real/cuda/kernels.hpp"
#include "real/steps/bfloat16.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::real {
namespace {

// Left free for cuBLASLt, the attention kernel and the driver.
constexpr std::int64_t kReserve = std::int64_t{512} << 20;

// cudaMemset and a cudaMemcpy of pageable memory may return before the device is done, and streams of
// their own do not wait for it.
void arrive() {
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

AttentionShape attention_shape(const StepShape& s) {
  AttentionShape shape;
  shape.batch = s.batch;
  shape.heads = s.heads;
  shape.kv_heads = s.kv_heads;
  shape.head_dim = s.head_dim;
  shape.q_len = shape.kv_len = s.sequence;
  return shape;
}

}  // namespace

DeviceStep::DeviceStep(const StepShape& shape, CublasLt& library)
    : shape_(shape),
      layout_(shape),
      arena_(shape),
      ops_(step_ops(shape)),
      library_(library),
      adam_(std::make_unique<AdamStep>()) {
  refuse_what_does_not_fit();
  memory_ = DeviceBuffer(arena_.bytes());
  attention_workspace_ = DeviceBuffer(
      std::max<std::int64_t>(16, attention_backward_workspace_bytes(attention_shape(shape_))));
  norm_workspace_ = DeviceBuffer(norm_workspace_bytes(shape_.hidden));
  check(cudaMemset(memory_.data(), 0, static_cast<std::size_t>(memory_.bytes())), "cudaMemset");
  arrive();
  adam_->master = at<float>(StepTensor::master);
  adam_->moment1 = at<float>(StepTensor::moment1);
  adam_->moment2 = at<float>(StepTensor::moment2);
  adam_->gradient = gradient();
  adam_->weights = at(StepTensor::weights);
  adam_->count = layout_.size();
  for (const StepOp& op : ops_) launches_.push_back(bind(op));
}

void DeviceStep::refuse_what_does_not_fit() const {
  if (const std::string reason = attention_refusal(attention_shape(shape_)); !reason.empty())
    throw PointRefused(reason);
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  const std::int64_t needed =
      arena_.bytes() + attention_backward_workspace_bytes(attention_shape(shape_)) + kReserve;
  if (needed > static_cast<std::int64_t>(free))
    throw PointRefused(fmt::format("needs {} of GPU memory; {} are free",
                                   base::to_text(base::Bytes(static_cast<double>(needed))),
                                   base::to_text(base::Bytes(static_cast<double>(free)))));
}

void DeviceStep::fill(const Seeds& seeds, const Stream& stream) {
  fill_parameters(seeds.parameters, stream);
  fill_data(seeds.data, stream);
  stream.wait();
}

void DeviceStep::fill_parameters(std::uint64_t seed, const Stream& stream) {
  for (const ParameterTensor& tensor : layout_.tensors()) {
    const auto [middle, half] = initial_range(tensor);
    RandomFill fill;
    fill.out = at<float>(StepTensor::master) + tensor.offset;
    fill.count = tensor.count();
    fill.type = Element::fp32;
    fill.low = static_cast<float>(middle - half);
    fill.high = static_cast<float>(middle + half);
    fill.seed = seed + static_cast<std::uint64_t>(tensor.offset);
    fill_random(fill, stream.get());
  }
  Cast down;
  down.in = at(StepTensor::master);
  down.out = at(StepTensor::weights);
  down.count = layout_.size();
  cast(down, stream.get());
}

void DeviceStep::fill_data(std::uint64_t seed, const Stream& stream) {
  if (shape_.vocabulary > 0) {
    RandomTokens fill;
    fill.count = shape_.tokens();
    fill.limit = shape_.vocabulary;
    fill.seed = 2 * seed;
    fill.out = at<std::int32_t>(StepTensor::tokens);
    fill_random_tokens(fill, stream.get());
    fill.seed = 2 * seed + 1;
    fill.out = at<std::int32_t>(StepTensor::targets);
    return fill_random_tokens(fill, stream.get());
  }
  RandomFill fill;
  fill.count = shape_.tokens() * shape_.hidden;
  fill.seed = 2 * seed;
  fill.out = at(StepTensor::x, 0);
  fill_random(fill, stream.get());
  fill.seed = 2 * seed + 1;
  fill.out = at(StepTensor::cotangent);
  fill_random(fill, stream.get());
}

void DeviceStep::load(std::span<const double> parameters, const step_reference::StepInput& input) {
  base::expects(static_cast<std::int64_t>(parameters.size()) == layout_.size(),
                "parameters are laid out for this shape");
  const std::vector<float> master(parameters.begin(), parameters.end());
  copy_to_device(at(StepTensor::master), master.data(), 4 * layout_.size());
  const std::vector<std::uint16_t> weights = to_bfloat16(parameters);
  copy_to_device(at(StepTensor::weights), weights.data(), 2 * layout_.size());
  if (shape_.vocabulary > 0) {
    copy_to_device(at(StepTensor::tokens), input.tokens.data(), 4 * shape_.tokens());
    copy_to_device(at(StepTensor::targets), input.targets.data(), 4 * shape_.tokens());
    return arrive();
  }
  const std::vector<std::uint16_t> x = to_bfloat16(input.input);
  const std::vector<std::uint16_t> cotangent = to_bfloat16(input.cotangent);
  copy_to_device(at(StepTensor::x, 0), x.data(), 2 * static_cast<std::int64_t>(x.size()));
  copy_to_device(at(StepTensor::cotangent), cotangent.data(),
                 2 * static_cast<std::int64_t>(cotangent.size()));
  arrive();
}

void DeviceStep::tune(const Stream& stream) {
  for (const StepOp& op : ops_) {
    const auto plan = plans_.find(op.kind);
    // The blocks' GEMMs are alike: the first block's are tuned for all.
    if (plan != plans_.end() && op.layer <= 0) plan->second->tune(operands(op), stream);
  }
  stream.wait();
}

void DeviceStep::run_all(cudaStream_t stream) const {
  for (const Launch& launch : launches_) launch(stream);
}

std::vector<float> DeviceStep::gradients() const {
  return to_host<float>(gradient(), layout_.size());
}
std::vector<float> DeviceStep::master_weights(std::int64_t count) const {
  return to_host<float>(at(StepTensor::master), count);
}
double DeviceStep::loss() const {
  return static_cast<double>(to_host<float>(at(StepTensor::loss), 1).front()) /
         static_cast<double>(shape_.tokens());
}

const void* DeviceStep::weights(Parameter which, std::int64_t layer) const {
  return at<std::uint16_t>(StepTensor::weights) + layout_.at(which, layer).offset;
}
float* DeviceStep::gradient_of(Parameter which, std::int64_t layer) const {
  return gradient() + layout_.at(which, layer).offset;
}
const void* DeviceStep::incoming(std::int64_t layer) const {
  const bool first = shape_.vocabulary == 0 && layer == shape_.layers - 1;
  return first ? at(StepTensor::cotangent) : at(StepTensor::d_x);
}

}  // namespace windtunnel::real

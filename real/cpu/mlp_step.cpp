#include "real/cpu/mlp_step.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "real/cpu/buffers.hpp"
#include "real/cpu/kernels.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

using models::GemmQuery;
using models::KernelQuery;
using models::MemoryOp;
using models::MemoryQuery;
using models::NumberFormat;

// The kernels of one step by what they do; the query and the call are made from the same figures.
enum class Part {
  product,
  bias,
  activation,
  loss,
  weight_gradient,
  bias_gradient,
  input_gradient,
  activation_gradient,
  optimizer
};

struct Kernel {
  Part part;
  std::size_t layer = 0;
  KernelQuery query;
};

KernelQuery gemm(std::int64_t m, std::int64_t n, std::int64_t k) {
  return GemmQuery{.m = m, .n = n, .k = k, .batch = 1, .groups = 1, .format = NumberFormat::fp32};
}

KernelQuery memory(MemoryOp op, std::int64_t fp32_values, std::int64_t rows) {
  return MemoryQuery{
      .op = op, .bytes = base::Bytes(4.0 * static_cast<double>(fp32_values)), .rows = rows};
}

std::vector<Kernel> forward_kernels(const MlpShape& shape) {
  std::vector<Kernel> out;
  const std::size_t layers = shape.widths.size() - 1;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const std::int64_t in = shape.widths[layer], width = shape.widths[layer + 1];
    const std::int64_t values = shape.batch * width;
    out.push_back({Part::product, layer, gemm(shape.batch, width, in)});
    out.push_back({Part::bias, layer, memory(MemoryOp::add, 2 * values, 0)});
    if (layer + 1 < layers)
      out.push_back({Part::activation, layer, memory(MemoryOp::gelu, 2 * values, 0)});
    else
      out.push_back({Part::loss, layer, memory(MemoryOp::cross_entropy, 2 * values, shape.batch)});
  }
  return out;
}

std::vector<Kernel> backward_kernels(const MlpShape& shape) {
  std::vector<Kernel> out;
  for (std::size_t layer = shape.widths.size() - 1; layer-- > 0;) {
    const std::int64_t in = shape.widths[layer], width = shape.widths[layer + 1];
    out.push_back({Part::weight_gradient, layer, gemm(width, in, shape.batch)});
    out.push_back({Part::bias_gradient, layer, memory(MemoryOp::add, shape.batch * width, 0)});
    if (layer == 0) break;
    out.push_back({Part::input_gradient, layer, gemm(shape.batch, in, width)});
    out.push_back(
        {Part::activation_gradient, layer, memory(MemoryOp::gelu, 3 * shape.batch * in, 0)});
  }
  return out;
}

Kernel update_kernel(const MlpShape& shape) {
  const std::int64_t count = shape.parameters();
  // Adam reads weight, gradient and two moments and writes three; SGD is a triad.
  if (shape.optimizer == MlpShape::Optimizer::adam)
    return {Part::optimizer, 0, memory(MemoryOp::optimizer, 7 * count, 0)};
  return {Part::optimizer, 0, memory(MemoryOp::add, 3 * count, 0)};
}

const char* name_of(Part part) {
  switch (part) {
    case Part::product:
      return "product";
    case Part::bias:
      return "bias";
    case Part::activation:
      return "gelu";
    case Part::loss:
      return "cross-entropy";
    case Part::weight_gradient:
      return "weight gradient";
    case Part::bias_gradient:
      return "bias gradient";
    case Part::input_gradient:
      return "input gradient";
    case Part::activation_gradient:
      return "gelu gradient";
    case Part::optimizer:
      return "optimizer";
  }
  return "";
}

}  // namespace

std::string MlpShape::name() const {
  return fmt::format("mlp-{}", fmt::join(widths, "-"));
}

std::int64_t MlpShape::parameters() const {
  std::int64_t count = 0;
  for (std::size_t layer = 0; layer + 1 < widths.size(); ++layer)
    count += widths[layer + 1] * (widths[layer] + 1);
  return count;
}

std::vector<KernelQuery> kernels_of(const MlpShape& shape) {
  std::vector<KernelQuery> out;
  for (const Kernel& kernel : forward_kernels(shape)) out.push_back(kernel.query);
  for (const Kernel& kernel : backward_kernels(shape)) out.push_back(kernel.query);
  out.push_back(update_kernel(shape).query);
  return out;
}

struct MlpStep::State {
  struct Layer {
    std::int64_t in, out;
    std::size_t weights, biases;  // offsets into the flat vectors
    std::vector<float> linear;    // x W^T + b [batch][out]
    std::vector<float> active;    // gelu of it
    std::vector<float> gradient;  // of linear
  };

  State(const MlpShape& shape_of, int thread_count) : shape(shape_of), threads(thread_count) {}

  const float* input_of(std::size_t layer) const {
    return layer == 0 ? input.data() : layers[layer - 1].active.data();
  }
  std::function<void()> call(const Kernel& kernel);
  std::function<void()> product_call(Layer& at, std::size_t index);
  std::function<void()> gradient_call(Part part, Layer& at, std::size_t index);
  std::function<void()> optimizer_call();

  MlpShape shape;
  int threads;
  std::int64_t steps = 0;
  std::vector<Layer> layers;
  std::vector<float> input, parameters, gradients, moment1, moment2, losses;
  std::vector<std::int32_t> targets;
  std::vector<MlpOp> compute, update;
};

std::function<void()> MlpStep::State::product_call(Layer& at, std::size_t index) {
  return [this, &at, index] {
    cpu_kernels().gemm_fp32({.a = input_of(index),
                             .b = parameters.data() + at.weights,
                             .c = at.linear.data(),
                             .m = shape.batch,
                             .n = at.out,
                             .k = at.in,
                             .layout = CpuLayout::forward,
                             .threads = threads});
  };
}

std::function<void()> MlpStep::State::gradient_call(Part part, Layer& at, std::size_t index) {
  if (part == Part::weight_gradient)
    return [this, &at, index] {
      cpu_kernels().gemm_fp32({.a = at.gradient.data(),
                               .b = input_of(index),
                               .c = gradients.data() + at.weights,
                               .m = at.out,
                               .n = at.in,
                               .k = shape.batch,
                               .layout = CpuLayout::weight_gradient,
                               .threads = threads});
    };
  if (part == Part::bias_gradient)
    return [this, &at] {
      cpu_kernels().column_sum({.x = at.gradient.data(),
                                .y = gradients.data() + at.biases,
                                .rows = shape.batch,
                                .columns = at.out,
                                .threads = threads});
    };
  Layer& below = layers[index - 1];
  if (part == Part::input_gradient)
    return [this, &at, &below] {
      // The gradient of the activation lands where the activation was: nobody reads that any more.
      cpu_kernels().gemm_fp32({.a = at.gradient.data(),
                               .b = parameters.data() + at.weights,
                               .c = below.active.data(),
                               .m = shape.batch,
                               .n = at.in,
                               .k = at.out,
                               .layout = CpuLayout::input_gradient,
                               .threads = threads});
    };
  return [this, &below] {
    cpu_kernels().gelu_backward({.a = below.active.data(),
                                 .b = below.linear.data(),
                                 .y = below.gradient.data(),
                                 .count = shape.batch * below.out,
                                 .threads = threads});
  };
}

std::function<void()> MlpStep::State::optimizer_call() {
  return [this] {
    const CpuOptimizer args{.weights = parameters.data(),
                            .moment1 = moment1.data(),
                            .moment2 = moment2.data(),
                            .gradient = gradients.data(),
                            .count = shape.parameters(),
                            .step = ++steps,
                            .threads = threads};
    shape.optimizer == MlpShape::Optimizer::adam ? cpu_kernels().adam(args)
                                                 : cpu_kernels().sgd(args);
  };
}

std::function<void()> MlpStep::State::call(const Kernel& kernel) {
  if (kernel.part == Part::optimizer) return optimizer_call();
  Layer& at = layers[kernel.layer];
  switch (kernel.part) {
    case Part::product:
      return product_call(at, kernel.layer);
    case Part::bias:
      return [this, &at] {
        cpu_kernels().add_bias({.x = at.linear.data(),
                                .beta = parameters.data() + at.biases,
                                .y = at.linear.data(),
                                .rows = shape.batch,
                                .columns = at.out,
                                .threads = threads});
      };
    case Part::activation:
      return [this, &at] {
        cpu_kernels().gelu({.a = at.linear.data(),
                            .y = at.active.data(),
                            .count = shape.batch * at.out,
                            .threads = threads});
      };
    case Part::loss:
      return [this, &at] {
        cpu_kernels().cross_entropy({.logits = at.linear.data(),
                                     .targets = targets.data(),
                                     .gradient = at.gradient.data(),
                                     .loss = losses.data(),
                                     .rows = shape.batch,
                                     .columns = at.out,
                                     .threads = threads});
      };
    default:
      return gradient_call(kernel.part, at, kernel.layer);
  }
}

MlpStep::MlpStep(const MlpShape& shape, int threads, std::uint64_t seed, std::uint64_t data_seed)
    : state_(std::make_unique<State>(shape, threads)) {
  base::expects(shape.widths.size() >= 2 && shape.batch >= 1, "an MLP without layers or rows");
  State& state = *state_;
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  state.parameters = random_values<float>(shape.parameters(), seed);
  std::size_t at = 0;
  for (std::size_t i = 0; i + 1 < shape.widths.size(); ++i) {
    State::Layer layer{shape.widths[i], shape.widths[i + 1], at, 0, {}, {}, {}};
    // Weights of standard deviation 1 / sqrt(in) keep the activations' size from layer to layer.
    const float scale = std::sqrt(3.0F / static_cast<float>(layer.in));
    for (std::size_t j = 0; j < size(layer.in * layer.out); ++j) state.parameters[at + j] *= scale;
    layer.biases = at + size(layer.in * layer.out);
    at = layer.biases + size(layer.out);
    layer.linear.resize(size(shape.batch * layer.out));
    layer.active = layer.gradient = layer.linear;
    state.layers.push_back(std::move(layer));
  }
  state.gradients.resize(state.parameters.size());
  state.moment1 = state.moment2 = state.gradients;
  state.losses.resize(size(shape.batch));
  state.input = random_values<float>(shape.batch * shape.widths.front(), data_seed);
  base::RandomStream labels(data_seed, "labels");
  for (std::int64_t row = 0; row < shape.batch; ++row)
    state.targets.push_back(static_cast<std::int32_t>(labels.below(shape.widths.back())));
  const auto add = [&](std::vector<MlpOp>& ops, const Kernel& kernel) {
    const std::string name = kernel.part == Part::optimizer
                                 ? name_of(kernel.part)
                                 : fmt::format("{} {}", name_of(kernel.part), kernel.layer);
    ops.push_back({name, kernel.query, state.call(kernel)});
  };
  for (const Kernel& kernel : forward_kernels(shape)) add(state.compute, kernel);
  for (const Kernel& kernel : backward_kernels(shape)) add(state.compute, kernel);
  add(state.update, update_kernel(shape));
}

MlpStep::~MlpStep() = default;
MlpStep::MlpStep(MlpStep&&) noexcept = default;
MlpStep& MlpStep::operator=(MlpStep&&) noexcept = default;

const std::vector<MlpOp>& MlpStep::forward_and_backward() const {
  return state_->compute;
}
const std::vector<MlpOp>& MlpStep::update() const {
  return state_->update;
}

void MlpStep::run() const {
  for (const MlpOp& op : state_->compute) op.run();
  for (const MlpOp& op : state_->update) op.run();
}

double MlpStep::loss() const {
  return std::accumulate(state_->losses.begin(), state_->losses.end(), 0.0) /
         static_cast<double>(state_->losses.size());
}

std::vector<float>& MlpStep::gradients() {
  return state_->gradients;
}
std::vector<float>& MlpStep::parameters() {
  return state_->parameters;
}

}  // namespace windtunnel::real

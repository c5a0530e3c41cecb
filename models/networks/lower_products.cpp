// Linear layers, experts, convolutions, recurrent layers and plain products as GEMMs.
#include <algorithm>
#include <numeric>

#include "models/networks/lower_work.hpp"

namespace windtunnel::models {
namespace {

struct LinearShape {
  std::int64_t rows = 1, inputs = 1, outputs = 1;
  NumberFormat format = NumberFormat::bf16;
};

bool is_narrow(NumberFormat format) {
  return activation_bytes(format) < 2.0;
}

// One pass of y = x W as a GEMM; groups > 1: that many of them with weights of their own.
void linear_gemm(const LinearShape& shape, const Target& target, std::int64_t groups = 1) {
  GemmQuery query{.groups = groups, .format = shape.format};
  switch (target.pass) {
    case Pass::forward:
      query.m = shape.rows, query.n = shape.outputs, query.k = shape.inputs;
      break;
    case Pass::input_gradient:
      query.m = shape.rows, query.n = shape.inputs, query.k = shape.outputs;
      break;
    case Pass::weight_gradient:
      query.m = shape.outputs, query.n = shape.inputs, query.k = shape.rows;
      break;
    case Pass::step:
      return;
  }
  target.gemm(query);
}

// Casts around an 8-bit product: the input forward (fused into the norm before a column-split
// layer, unless its scale must be found first), the output's gradient backward, the weights once a
// step. In training each is written twice, for the products along either dimension.
void casts(const LinearShape& shape, const Target& target) {
  if (!is_narrow(shape.format)) return;
  const double narrow = activation_bytes(shape.format);
  const double copies = target.options.mode == Mode::training ? 2.0 : 1.0;
  const bool own_scale =
      shape.format == NumberFormat::nvfp4 ||  // a scale of the tensor beside those of blocks
      (shape.format == NumberFormat::fp8 && target.options.software.scaling == Scaling::current);
  const bool current = target.options.mode == Mode::training && own_scale;
  const double reads = current ? 2.0 : 1.0;
  const double each = reads * target.element() + copies * narrow;
  const double rows = static_cast<double>(shape.rows);
  const bool fused = target.op.split == TensorSplit::column &&
                     target.options.software.norm == Form::fused && !current;
  if (target.pass == Pass::forward && !fused) {
    target.memory(MemoryOp::cast, rows * static_cast<double>(shape.inputs) * each, shape.rows);
  } else if (target.pass == Pass::input_gradient) {
    target.memory(MemoryOp::cast, rows * static_cast<double>(shape.outputs) * each, shape.rows);
  } else if (target.pass == Pass::step) {
    const double weights = static_cast<double>(shape.inputs) * static_cast<double>(shape.outputs);
    target.memory(MemoryOp::cast, weights * each, 0);
  }
}

std::int64_t linear_rows(const LinearWork& work, const Target& target) {
  if (!work.absorbed || target.options.mode != Mode::prefill) return target.rows();
  // Keys and values of the prefix are made anew from its latent.
  return ceil_div(target.batch.sequences * target.batch.keys(), target.options.layout.context);
}

// Outputs of the pieces on one rank: all in one, or query, key, value (gate, up) apart.
std::vector<std::int64_t> outputs_on_rank(const LinearWork& work, const Target& target) {
  const Layout& layout = target.options.layout;
  std::int64_t own = work.outputs - work.kv_outputs;
  std::int64_t kv = work.kv_outputs;
  if (target.op.split == TensorSplit::column || target.op.split == TensorSplit::vocabulary) {
    own = ceil_div(own, layout.tensor);
    if (kv > 0) kv = kv / work.kv_heads * kv_heads_on_rank(work.kv_heads, layout);
  }
  if (target.options.software.projections == Form::fused || work.pieces == 1) return {own + kv};
  if (kv == 0)
    return std::vector<std::int64_t>(static_cast<std::size_t>(work.pieces), own / work.pieces);
  if (own == 0) return {kv / 2, kv / 2};
  return {own, kv / 2, kv / 2};
}

}  // namespace

void lower_work(const LinearWork& work, const Target& target) {
  if (work.absorbed && target.options.mode == Mode::decode) return;
  if (target.pass == Pass::input_gradient && !work.input_gradient) return;
  LinearShape shape{
      .rows = linear_rows(work, target),
      .inputs = work.inputs,
      .format = work.head ? target.options.formats.head : target.options.formats.linear};
  if (target.op.split == TensorSplit::row) {
    shape.inputs = ceil_div(work.inputs, target.options.layout.tensor);
  }
  const std::vector<std::int64_t> outputs = outputs_on_rank(work, target);
  shape.outputs = std::accumulate(outputs.begin(), outputs.end(), std::int64_t{0});
  casts(shape, target);
  for (const std::int64_t piece : outputs) {
    LinearShape one = shape;
    one.outputs = piece;
    linear_gemm(one, target);
  }
  if (work.bias && target.pass == Pass::weight_gradient) {
    target.memory(
        MemoryOp::add,
        static_cast<double>(shape.rows) * static_cast<double>(shape.outputs) * target.element(),
        shape.rows);
  }
}

// With sequence parallelism each of the expert group's ranks brings tokens of its own; without it,
// the tensor ranks bring the same.
ExpertShare expert_share(const MoeWork& work, const Target& target) {
  const Layout& layout = target.options.layout;
  Layout alike = layout;
  alike.sequence = SequenceParallel::off;
  const std::int64_t rows = rows_on_rank(target.op, target.batch, alike, target.options.mode);
  const std::int64_t ranks = layout.expert * layout.expert_tensor;
  ExpertShare share;
  share.group_tokens = std::max<std::int64_t>(1, rows * ranks / layout.tensor);
  if (layout.sequence == SequenceParallel::off && ranks < layout.tensor) share.group_tokens = rows;
  share.experts = ceil_div(work.experts, layout.expert);
  share.routed_tokens = std::max<std::int64_t>(1, share.group_tokens * work.top_k / layout.expert);
  return share;
}

namespace {

// Elements that the activation between the matrices reads and writes, for each of its outputs. With
// biases (GPT-OSS) frameworks have no fused kernel: bias 4, clamps 4, sigmoid of the scaled gate 4,
// product with the linear half 5, offset 2, routing weight in FP32 5, back to 16 bits 3; the gradients
// about twice that.
Traffic activation_traffic(const MoeWork& work, Pass pass) {
  const bool forward = pass == Pass::forward;
  const bool gated = work.mlp == ExpertMlp::gated;
  if (work.bias == ExpertBias::each && gated)
    return forward ? Traffic{12, 27.0} : Traffic{20, 48.0};
  if (gated) return {1, forward ? 3.0 : 5.0};
  return {1, forward ? 2.0 : 3.0};
}

void expert_activation(const MoeWork& work, std::int64_t tokens, std::int64_t width,
                       const Target& target) {
  if (target.pass != Pass::forward && target.pass != Pass::input_gradient) return;
  const Traffic traffic = activation_traffic(work, target.pass);
  target.memory(work.mlp == ExpertMlp::gated ? MemoryOp::swiglu : MemoryOp::gelu,
                static_cast<double>(tokens) * static_cast<double>(width) * traffic.elements *
                    target.element(),
                tokens, traffic.kernels);
}

}  // namespace

bool fuses_experts(const MoeWork& work, const LoweringOptions& options) {
  return work.mlp == ExpertMlp::gated && is_narrow(options.formats.experts) &&
         options.software.experts == Form::fused;
}

void lower_work(const MoeWork& work, const Target& target) {
  const ExpertShare share = expert_share(work, target);
  const Layout& layout = target.options.layout;
  const NumberFormat format = target.options.formats.experts;
  if (target.options.mode != Mode::training) {
    target.out.push_back({MoeQuery{.tokens = share.group_tokens,
                                   .hidden = work.hidden,
                                   .intermediate = work.intermediate,
                                   .top_k = work.top_k,
                                   .experts = work.experts,
                                   .tensor_ranks = layout.expert_tensor,
                                   .expert_ranks = layout.expert,
                                   .skew = target.options.expert_skew,
                                   .mlp = work.mlp,
                                   .format = format},
                          1});
    return;
  }
  // Training frameworks run a grouped GEMM for each matrix.
  const bool gated = work.mlp == ExpertMlp::gated;
  const std::int64_t width = ceil_div(work.intermediate, layout.expert_tensor);
  const std::int64_t mean = std::max<std::int64_t>(1, share.routed_tokens / share.experts);
  const LinearShape up{
      .rows = mean, .inputs = work.hidden, .outputs = gated ? 2 * width : width, .format = format};
  const LinearShape down{.rows = mean, .inputs = width, .outputs = work.hidden, .format = format};
  const bool fused = fuses_experts(work, target.options);
  for (LinearShape shape : {up, down}) {
    linear_gemm(shape, target, share.experts);
    if (fused && target.pass != Pass::step) continue;
    shape.rows = share.routed_tokens;
    if (target.pass == Pass::step) shape.outputs *= share.experts;
    casts(shape, target);
  }
  if (!fused) expert_activation(work, share.routed_tokens, width, target);
}

Kernels lower_expert_activation(const Op& op, const BatchShape& batch,
                                const LoweringOptions& options) {
  Kernels out;
  const auto* work = std::get_if<MoeWork>(&op.work);
  if (work == nullptr || fuses_experts(*work, options)) return out;
  const Target target{op, batch, options, Pass::forward, out};
  const ExpertShare share = expert_share(*work, target);
  const std::int64_t width = ceil_div(work->intermediate, options.layout.expert_tensor);
  expert_activation(*work, share.routed_tokens, width, target);
  casts({.rows = share.routed_tokens,
         .inputs = width,
         .outputs = work->hidden,
         .format = options.formats.experts},
        target);
  return out;
}

// Implicit GEMM; the gradient of a strided input reaches each input position by 1 / stride^2 of the
// kernel on average.
void lower_work(const ConvolutionWork& work, const Target& target) {
  if (target.pass == Pass::input_gradient && !work.input_gradient) return;
  const std::int64_t samples = target.rows();
  const std::int64_t in = work.in_channels / work.groups;
  const std::int64_t out = work.out_channels / work.groups;
  GemmQuery query{.batch = work.groups, .format = target.options.formats.linear};
  const std::int64_t taps = in * work.kernel_volume;
  switch (target.pass) {
    case Pass::forward:
      query.m = samples * work.out_positions, query.n = out, query.k = taps;
      break;
    case Pass::input_gradient:
      query.m = samples * work.in_positions, query.n = in;
      query.k = std::max<std::int64_t>(
          1, out * work.kernel_volume * work.out_positions / work.in_positions);
      break;
    case Pass::weight_gradient:
      query.m = out, query.n = taps, query.k = samples * work.out_positions;
      break;
    case Pass::step:
      return;
  }
  target.gemm(query);
}

void lower_work(const ProductWork& work, const Target& target) {
  GemmQuery query{.m = work.m,
                  .n = work.n,
                  .k = work.k,
                  .batch = work.batch * target.rows(),
                  .format = target.options.formats.linear};
  if (target.pass == Pass::forward) {
    target.gemm(query);
  } else if (target.pass == Pass::input_gradient) {  // of either factor
    query.n = work.k, query.k = work.n;
    target.gemm(query, 2);
  }
}

void lower_work(const RecurrentWork& work, const Target& target) {
  const std::int64_t rows = target.rows();
  const std::int64_t steps = target.options.mode == Mode::decode
                                 ? 1
                                 : std::max<std::int64_t>(1, target.batch.query_tokens);
  const std::int64_t outputs = work.gates * work.hidden;
  const NumberFormat format = target.options.formats.linear;
  const LinearShape input{
      .rows = rows, .inputs = work.inputs, .outputs = outputs, .format = format};
  const LinearShape state{
      .rows = rows, .inputs = work.hidden, .outputs = outputs, .format = format};
  linear_gemm(input, target);
  if (target.pass == Pass::weight_gradient) return linear_gemm(state, target);
  if (target.pass == Pass::step) return;
  const bool forward = target.pass == Pass::forward;
  target.gemm({.m = target.batch.sequences,
               .n = forward ? outputs : work.hidden,
               .k = forward ? work.hidden : outputs,
               .format = format},
              steps);
  const double state_elements = static_cast<double>((work.gates + 3) * work.hidden);
  target.memory(
      MemoryOp::gelu,
      static_cast<double>(rows) * state_elements * target.element() * (forward ? 1.0 : 2.0),
      target.batch.sequences, steps);
}

}  // namespace windtunnel::models

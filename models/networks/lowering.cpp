#include "models/networks/lowering.hpp"

#include <algorithm>
#include <cmath>

#include "models/networks/counts.hpp"
#include "models/networks/lower_work.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::models {
namespace {

struct QueryFlops {
  base::Flops operator()(const GemmQuery& query) const { return flops(query); }
  base::Flops operator()(const AttentionQuery& query) const { return flops(query); }
  base::Flops operator()(const MoeQuery& query) const { return flops(query); }
  template <class Other>
  base::Flops operator()(const Other&) const {
    return base::Flops(0);
  }
};

struct QueryBytes {
  base::Bytes operator()(const GemmQuery& query) const { return bytes(query); }
  base::Bytes operator()(const AttentionQuery& query) const { return bytes(query); }
  base::Bytes operator()(const MoeQuery& query) const { return bytes(query); }
  base::Bytes operator()(const MemoryQuery& query) const { return query.bytes; }
  template <class Other>
  base::Bytes operator()(const Other&) const {
    return base::Bytes(0);
  }
};

Form form_of(Fusion fusion, const Software& software) {
  switch (fusion) {
    case Fusion::always:
      return Form::fused;
    case Fusion::norm:
      return software.norm;
    case Fusion::rotary:
      return software.rotary;
    case Fusion::activation:
      return software.activation;
    case Fusion::residual:
      return software.residual;
    case Fusion::cross_entropy:
      return software.cross_entropy;
  }
  return Form::fused;
}

// A loss step by step is made of casts and other element-wise kernels.
MemoryOp kernel_of(const MemoryWork& work, const Software& software) {
  const bool steps = work.op == MemoryOp::cross_entropy &&
                     software.cross_entropy == Form::unfused &&
                     software.loss == LossKernels::elementwise;
  return steps ? MemoryOp::cast : work.op;
}

Traffic traffic_of(const MemoryWork& work, const Target& target) {
  const bool unfused = form_of(work.fusion, target.options.software) == Form::unfused;
  if (target.pass == Pass::forward) {
    return unfused && work.unfused_forward.elements > 0 ? work.unfused_forward : work.forward;
  }
  return unfused && work.unfused_backward.elements > 0 ? work.unfused_backward : work.backward;
}

}  // namespace

void Target::gemm(GemmQuery query, std::int64_t count) const {
  if (count < 1 || std::min({query.m, query.n, query.k, query.batch, query.groups}) < 1) return;
  out.push_back({query, count});
}

void Target::memory(MemoryOp kind, double bytes, std::int64_t rows, std::int64_t kernels) const {
  if (bytes <= 0.0 || kernels < 1) return;
  out.push_back(
      {MemoryQuery{
           .op = kind, .bytes = base::Bytes(bytes / static_cast<double>(kernels)), .rows = rows},
       kernels});
}

void lower_work(const MemoryWork& work, const Target& target) {
  if (target.pass != Pass::forward && target.pass != Pass::input_gradient) return;
  // Inference stops at the logits.
  if (target.options.mode != Mode::training && work.op == MemoryOp::cross_entropy) {
    const double logits = work.width / static_cast<double>(target.options.layout.tensor);
    const auto rows = total_rows({.basis = RowBasis::loss_token}, target.batch, Mode::decode);
    target.memory(MemoryOp::sampling, static_cast<double>(rows) * logits * target.element(), rows);
    return;
  }
  const Traffic traffic = traffic_of(work, target);
  const bool split = target.op.split == TensorSplit::column ||
                     target.op.split == TensorSplit::heads ||
                     target.op.split == TensorSplit::vocabulary;
  const double width =
      split ? work.width / static_cast<double>(target.options.layout.tensor) : work.width;
  const std::int64_t rows = target.rows();
  target.memory(kernel_of(work, target.options.software),
                static_cast<double>(rows) * width * traffic.elements * target.element(), rows,
                traffic.kernels);
}

namespace {

// Quantized weights are read and written in the format of the products before each of these.
void dequantize(const Target& target) {
  const bool product = target.pass == Pass::forward || target.pass == Pass::input_gradient;
  if (!product || target.op.stored_bytes <= 0.0) return;
  const RankParameters held = parameters_on_rank(target.op, target.options.layout);
  target.memory(MemoryOp::cast, held.total() * (target.op.stored_bytes + target.element()), 0);
}

}  // namespace

void lower_work(const EmbeddingWork& work, const Target& target) {
  const std::int64_t rows = target.rows();
  const double looked_up = static_cast<double>(rows * work.lookups * work.width);
  if (target.pass == Pass::forward) {
    target.memory(MemoryOp::embedding, 2.0 * looked_up * target.element(), rows);
  } else if (target.pass == Pass::weight_gradient) {
    // The gradient of a dense table is zeroed, then rows are added into it.
    if (target.op.split == TensorSplit::vocabulary) {
      const double table = static_cast<double>(work.rows * work.width) /
                           static_cast<double>(target.options.layout.tensor);
      target.memory(MemoryOp::fill, table * target.element(), 0);
    }
    target.memory(MemoryOp::embedding, 3.0 * looked_up * target.element(), rows);
  }
}

void lower(const Op& op, const BatchShape& batch, const LoweringOptions& options, Pass pass,
           Kernels& out) {
  base::expects(pass == Pass::forward || options.mode == Mode::training,
                "only training has a backward pass");
  const Layout& layout = options.layout;
  base::expects(
      layout.tensor >= 1 && layout.context >= 1 && layout.expert >= 1 && layout.expert_tensor >= 1,
      "a layout has at least one rank in each direction");
  const bool own = pass == Pass::weight_gradient || pass == Pass::step;
  if (own && op.learning == Learning::frozen) return;
  const Target target{op, batch, options, pass, out};
  dequantize(target);
  std::visit([&](const auto& work) { lower_work(work, target); }, op.work);
}

Kernels lower(const Block& block, const BatchShape& batch, const LoweringOptions& options,
              Pass pass) {
  Kernels out;
  if (pass != Pass::forward && block.gradients == GradientFlow::none) return out;
  for (const Op& op : block.ops) lower(op, batch, options, pass, out);
  return out;
}

base::Flops flops(const Kernels& kernels) {
  base::Flops sum{0};
  for (const Kernel& kernel : kernels) {
    sum += std::visit(QueryFlops{}, kernel.query) * static_cast<double>(kernel.count);
  }
  return sum;
}

base::Bytes bytes(const Kernels& kernels) {
  base::Bytes sum{0};
  for (const Kernel& kernel : kernels) {
    sum += std::visit(QueryBytes{}, kernel.query) * static_cast<double>(kernel.count);
  }
  return sum;
}

}  // namespace windtunnel::models

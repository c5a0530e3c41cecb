#include "models/networks/exchanges.hpp"

#include "models/networks/lower_work.hpp"

namespace windtunnel::models {
namespace {

class Collector {
 public:
  Collector(const Target& target, std::vector<Exchange>& out) : target_(target), out_(out) {}

  void operator()(const AttentionWork& work) const { context(work); }
  void operator()(const MoeWork& work) const { experts(work); }
  void operator()(const MemoryWork& work) const {
    if (work.op == MemoryOp::cross_entropy) cross_entropy();
  }
  template <class Other>
  void operator()(const Other&) const {
    boundary();
  }

 private:
  const Layout& layout() const { return target_.options.layout; }
  bool shared() const { return layout().sequence == SequenceParallel::on; }
  bool forward() const { return target_.pass == Pass::forward; }
  // Tokens of the whole tensor group, whatever each rank holds of them.
  double rows() const {
    Layout alike = layout();
    alike.sequence = SequenceParallel::off;
    return static_cast<double>(
        rows_on_rank(target_.op, target_.batch, alike, target_.options.mode));
  }
  void add(ExchangeKind kind, ExchangeGroup group, double bytes, std::int64_t count = 1) const {
    if (bytes > 0.0 && count > 0) out_.push_back({kind, group, base::Bytes(bytes), count});
  }

  void boundary() const;
  void context(const AttentionWork& work) const;
  void experts(const MoeWork& work) const;
  void cross_entropy() const;

  const Target& target_;
  std::vector<Exchange>& out_;
};

void Collector::boundary() const {
  const Op& op = target_.op;
  if (layout().tensor == 1 || op.boundary == Boundary::none) return;
  const double bytes = rows() * static_cast<double>(op.boundary_width) * target_.element();
  const ExchangeGroup group = ExchangeGroup::tensor;
  const bool entering = op.boundary == Boundary::enter;
  const Pass pass = target_.pass;
  if (!shared()) {
    const bool reduces = entering ? pass == Pass::input_gradient : pass == Pass::forward;
    if (reduces) add(ExchangeKind::all_reduce, group, bytes);
    return;
  }
  if (entering) {
    if (pass == Pass::forward) add(ExchangeKind::all_gather, group, bytes);
    if (pass == Pass::input_gradient) add(ExchangeKind::reduce_scatter, group, bytes);
    // the gathered input is not kept
    if (pass == Pass::weight_gradient) add(ExchangeKind::all_gather, group, bytes);
  } else {
    if (pass == Pass::forward) add(ExchangeKind::reduce_scatter, group, bytes);
    if (pass == Pass::input_gradient) add(ExchangeKind::all_gather, group, bytes);
  }
}

// Largest logit, sum of exponentials, logit of the label: one FP32 a token each.
void Collector::cross_entropy() const {
  if (layout().tensor == 1 || !forward() || target_.options.mode != Mode::training) return;
  add(ExchangeKind::all_reduce, ExchangeGroup::tensor, 4.0 * rows(), 3);
}

void Collector::context(const AttentionWork& work) const {
  const std::int64_t ranks = layout().context;
  const bool active = target_.pass == Pass::forward || target_.pass == Pass::input_gradient;
  if (ranks == 1 || !active || work.fixed_query > 0) return;
  const double kv = static_cast<double>(kv_heads_on_rank(work.kv_heads, layout()) *
                                        (work.head_dim + work.value_dim));
  const double own = rows() * kv * target_.element();
  const ExchangeGroup group = ExchangeGroup::context;
  switch (layout().context_scheme) {
    case ContextScheme::ring:
      // backward, the gradients travel with the keys and values
      add(ExchangeKind::ring, group, forward() ? own : 2.0 * own, ranks - 1);
      break;
    case ContextScheme::all_gather:
      add(ExchangeKind::all_gather, group, own * static_cast<double>(ranks));
      if (!forward()) add(ExchangeKind::reduce_scatter, group, own * static_cast<double>(ranks));
      break;
    case ContextScheme::all_to_all: {
      const auto heads = static_cast<double>(ceil_div(work.heads, layout().tensor));
      const double query = rows() * heads * static_cast<double>(work.head_dim);
      const double output = rows() * heads * static_cast<double>(work.value_dim);
      add(ExchangeKind::all_to_all, group, own + query * target_.element());
      add(ExchangeKind::all_to_all, group, output * target_.element());
      break;
    }
  }
}

// Where the tensor ranks hold the same tokens, each computes its experts' (or its part of their)
// share and the sums are added up; tokens travel only between ranks that hold different ones.
void Collector::experts(const MoeWork& work) const {
  const bool active = target_.pass == Pass::forward || target_.pass == Pass::input_gradient;
  if (!active) return;
  const double hidden = static_cast<double>(work.hidden) * target_.element();
  const double held = shared() ? rows() / static_cast<double>(layout().tensor) : rows();
  const double routed = held * static_cast<double>(work.top_k) * hidden;
  const std::int64_t group = layout().expert * layout().expert_tensor;
  const bool travel = shared() ? layout().expert > 1 : group > layout().tensor;
  if (travel) add(ExchangeKind::all_to_all, ExchangeGroup::expert, routed, 2);
  if (!shared()) {
    if (layout().tensor > 1) {
      add(ExchangeKind::all_reduce, ExchangeGroup::tensor, rows() * hidden);
    }
    return;
  }
  if (layout().expert_tensor > 1) {
    const double gathered = routed * static_cast<double>(layout().expert_tensor);
    add(ExchangeKind::all_gather, ExchangeGroup::tensor, gathered);
    add(ExchangeKind::reduce_scatter, ExchangeGroup::tensor, gathered);
  }
}

}  // namespace

void exchanges(const Op& op, const BatchShape& batch, const LoweringOptions& options, Pass pass,
               std::vector<Exchange>& out) {
  const bool own = pass == Pass::weight_gradient || pass == Pass::step;
  if (own && op.learning == Learning::frozen && op.adapted == Adapted::no) return;
  Kernels unused;
  const Target target{op, batch, options, pass, unused};
  std::visit(Collector(target, out), op.work);
}

std::vector<Exchange> exchanges(const Block& block, const BatchShape& batch,
                                const LoweringOptions& options, Pass pass) {
  std::vector<Exchange> out;
  if (pass != Pass::forward && block.gradients == GradientFlow::none) return out;
  for (const Op& op : block.ops) exchanges(op, batch, options, pass, out);
  return out;
}

}  // namespace windtunnel::models

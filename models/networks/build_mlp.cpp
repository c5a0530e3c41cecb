// The MLP of a transformer layer: dense, or a mixture of experts.
#include <string>
#include <utility>

#include "models/networks/op_builders.hpp"

namespace windtunnel::models {
namespace {

// The two or three matrices of an MLP of width ffn, named after `prefix`.
void add_matrices(const Transformer& t, const std::string& prefix, std::int64_t ffn, Rows rows,
                  std::vector<Op>& ops) {
  const std::int64_t pieces = t.mlp == MlpKind::gated ? 2 : 1;
  ops.push_back(linear_op(
      prefix + ".up",
      {.inputs = t.hidden, .outputs = pieces * ffn, .pieces = pieces, .bias = t.biases.mlp},
      TensorSplit::column, rows));
  ops.push_back(activation_op(prefix + ".activation", t.mlp, ffn, rows));
  ops.push_back(linear_op(prefix + ".down",
                          {.inputs = ffn, .outputs = t.hidden, .bias = t.biases.mlp},
                          TensorSplit::row, rows));
}

// The width that routed experts read and write.
std::int64_t expert_width(const Transformer& t) {
  return t.moe.latent > 0 ? t.moe.latent : t.hidden;
}

Op router_op(const Transformer& t, Rows rows) {
  Op op = linear_op(
      "moe.router",
      {.inputs = t.hidden, .outputs = t.moe.experts, .bias = t.moe.router_bias, .head = true},
      TensorSplit::replicated, rows);
  op.saved.front().element = SavedElement::activation;  // routed in more than 8 bits
  SavedTensor scores = kept("scores", static_cast<double>(t.moe.experts), SavedSplit::sequence);
  scores.element = SavedElement::fp32;
  op.saved.push_back(std::move(scores));
  return op;
}

// Tokens go to their experts and come back: copied into the order of the experts, and weighted and
// added up again.
Op permute_op(std::string name, const Transformer& t, Traffic forward, Rows rows) {
  return {.name = std::move(name),
          .work = MemoryWork{.op = MemoryOp::copy,
                             .width = static_cast<double>(expert_width(t)),
                             .forward = forward,
                             .backward = forward},
          .rows = rows,
          .split = TensorSplit::experts};
}

Op experts_op(const Transformer& t, Rows rows) {
  const MixtureOfExperts& moe = t.moe;
  const bool gated = t.mlp == MlpKind::gated;
  const std::int64_t matrices = gated ? 3 : 2;
  Op op{.name = "moe.experts",
        .work = MoeWork{.hidden = expert_width(t),
                        .intermediate = moe.ffn,
                        .experts = moe.experts,
                        .top_k = moe.top_k,
                        .mlp = gated ? ExpertMlp::gated : ExpertMlp::plain,
                        .bias = moe.expert_bias ? ExpertBias::each : ExpertBias::none},
        .rows = rows,
        .split = TensorSplit::experts};
  op.parameters.expert = moe.experts * matrices * expert_width(t) * moe.ffn;
  if (moe.expert_bias) {
    op.parameters.expert += moe.experts * ((matrices - 1) * moe.ffn + expert_width(t));
  }
  op.active_share = static_cast<double>(moe.top_k) / static_cast<double>(moe.experts);
  const double copies = static_cast<double>(moe.top_k);
  const double ffn = copies * static_cast<double>(moe.ffn);
  SavedTensor input = kept("permuted input", copies * static_cast<double>(expert_width(t)),
                           SavedSplit::expert_tokens);
  input.element = SavedElement::gemm_input;
  op.saved.push_back(std::move(input));
  op.saved.push_back(kept("up output", gated ? 2.0 * ffn : ffn, SavedSplit::tensor));
  SavedTensor down = kept("down input", ffn, SavedSplit::tensor);
  down.element = SavedElement::gemm_input;
  down.scope = SavedScope::expert_activation;
  op.saved.push_back(std::move(down));
  return op;
}

void mark(std::vector<Op>& ops, std::size_t first, RecomputeModule module) {
  for (std::size_t i = first; i < ops.size(); ++i) ops[i].module = module;
}

}  // namespace

void add_mlp(const Transformer& t, const LayerPlace& place, std::vector<Op>& ops) {
  if (has_experts(t, place.index)) return add_experts(t, place, ops);
  const std::size_t first = ops.size();
  add_matrices(t, "mlp", t.ffn, place.rows, ops);
  mark(ops, first, RecomputeModule::mlp);
}

void add_experts(const Transformer& t, const LayerPlace& place, std::vector<Op>& ops) {
  const double copies = static_cast<double>(t.moe.top_k);
  const std::size_t router = ops.size();
  ops.push_back(router_op(t, place.rows));
  if (t.moe.latent > 0)
    ops.push_back(linear_op("moe.latent_down", {.inputs = t.hidden, .outputs = t.moe.latent},
                            TensorSplit::replicated, place.rows));
  ops.push_back(permute_op("moe.permute", t, {1, 1.0 + copies}, place.rows));
  ops.push_back(experts_op(t, place.rows));
  ops.push_back(permute_op("moe.unpermute", t, {1, 1.0 + copies}, place.rows));
  if (t.moe.latent > 0)
    ops.push_back(linear_op("moe.latent_up", {.inputs = t.moe.latent, .outputs = t.hidden},
                            TensorSplit::replicated, place.rows));
  mark(ops, router, RecomputeModule::moe);
  if (t.moe.shared_ffn == 0) return;
  const std::size_t first = ops.size();
  add_matrices(t, "moe.shared", t.moe.shared_ffn, place.rows, ops);
  ops[first].saved.clear();  // its input is the router's
  if (t.moe.shared_gate) {
    Op gate = linear_op("moe.shared_gate", {.inputs = t.hidden, .outputs = 1},
                        TensorSplit::replicated, place.rows);
    gate.saved.clear();
    ops.push_back(std::move(gate));
  }
  mark(ops, first, RecomputeModule::shared_experts);
}

}  // namespace windtunnel::models

#include "models/networks/activation_memory.hpp"

#include <algorithm>

namespace windtunnel::models {
namespace {

bool holds(SavedIf condition, const Op& op, const LoweringOptions& options) {
  const Software& software = options.software;
  const bool unfused = software.attention == AttentionKernel::unfused;
  const auto* attention = std::get_if<AttentionWork>(&op.work);
  switch (condition) {
    case SavedIf::always:
    case SavedIf::dropout:  // stands only where the model has dropout
      return true;
    case SavedIf::unfused_attention:
      return unfused;
    case SavedIf::unfused_attention_dropout:
      return unfused && attention != nullptr && attention->dropout > 0.0;
    case SavedIf::fused_attention:
      return !unfused;
    case SavedIf::unfused_activation:
      return software.activation == Form::unfused;
    case SavedIf::narrow_gemm:
      return gemm_input_bytes(options.formats) < element_bytes(options.formats);
    case SavedIf::fused_cross_entropy:
      return software.cross_entropy == Form::fused;
    case SavedIf::unfused_cross_entropy:
      return software.cross_entropy == Form::unfused;
  }
  return true;
}

bool runs_again(const Op& op, const RecomputeModules& again) {
  if (!op.module) return false;
  const bool with_experts =
      op.module == RecomputeModule::shared_experts && again.has(RecomputeModule::moe);
  return with_experts || again.has(*op.module);
}

// A part that runs again keeps what it was given: queries, keys and values of attention, what a norm
// read or gave.
bool kept_beside(const RecomputeModules& again, const Op& op, SavedScope scope) {
  switch (scope) {
    case SavedScope::layer_input:
      return true;
    case SavedScope::attention_core:
    case SavedScope::attention_output:
      return !again.has(RecomputeModule::core_attn);
    case SavedScope::attention_input:
      return !again.has(RecomputeModule::mla_up_proj);
    case SavedScope::normed:
      return !again.has(RecomputeModule::layernorm);
    case SavedScope::expert_activation:
      return !again.has(RecomputeModule::moe_act) && !again.has(RecomputeModule::moe);
    case SavedScope::ordinary:
      break;
  }
  const bool attention = op.module == RecomputeModule::core_attn;
  const auto* memory = std::get_if<MemoryWork>(&op.work);
  const bool norm = memory != nullptr && memory->fusion == Fusion::norm;
  return attention || norm || !runs_again(op, again);
}

bool kept_under(const Op& op, SavedScope scope, const LoweringOptions& options,
                Recompute recompute) {
  switch (recompute) {
    case Recompute::none:
      return true;
    case Recompute::selective:
      return options.again.empty() ? scope != SavedScope::attention_core
                                   : kept_beside(options.again, op, scope);
    case Recompute::full:
      return scope == SavedScope::layer_input;
  }
  return true;
}

double bytes_of(SavedElement element, const Formats& formats) {
  switch (element) {
    case SavedElement::activation:
      return element_bytes(formats);
    case SavedElement::gemm_input:
      return std::min(gemm_input_bytes(formats), element_bytes(formats));
    case SavedElement::fp32:
      return 4.0;
    case SavedElement::byte:
      return 1.0;
  }
  return 0.0;
}

double divisor(const SavedTensor& tensor, const Layout& layout) {
  const bool shared = layout.sequence == SequenceParallel::on;
  const auto ranks = static_cast<double>(layout.tensor);
  switch (tensor.split) {
    case SavedSplit::tensor:
      return tensor.split_limit > 0
                 ? static_cast<double>(std::min(layout.tensor, tensor.split_limit))
                 : ranks;
    case SavedSplit::sequence:
      return shared ? ranks : 1.0;
    case SavedSplit::expert_tokens:
      return shared ? ranks / static_cast<double>(layout.expert_tensor) : 1.0;
    case SavedSplit::replicated:
      return 1.0;
  }
  return 1.0;
}

double pairs(const Op& op, const BatchShape& batch, const Layout& layout) {
  const auto* work = std::get_if<AttentionWork>(&op.work);
  if (work == nullptr) return 0.0;
  std::int64_t queries = batch.query_tokens, keys = batch.keys();
  if (work->source == AttentionSource::encoder) queries = batch.encoder_tokens;
  if (work->source != AttentionSource::self) keys = batch.encoder_tokens;
  if (work->fixed_query > 0) queries = work->fixed_query;
  if (work->fixed_keys > 0) keys = work->fixed_keys;
  if (work->fixed_query == 0) queries = ceil_div(queries, layout.context);
  return static_cast<double>(batch.sequences) * static_cast<double>(work->heads) *
         static_cast<double>(queries) * static_cast<double>(keys);
}

double rows_kept(const Op& op, const BatchShape& batch, const Layout& layout) {
  Layout alike = layout;  // the tensor ranks' share is the tensor's own divisor
  alike.sequence = SequenceParallel::off;
  return static_cast<double>(rows_on_rank(op, batch, alike, Mode::training));
}

// Heads exchanged for the sequence: what attention put out stays in the layout it was computed in,
// beside the copy that the next product keeps (Transformer Engine, context parallelism `a2a`).
base::Bytes exchanged_output(const Op& op, const BatchShape& batch,
                             const LoweringOptions& options) {
  const Layout& layout = options.layout;
  const auto* work = std::get_if<AttentionWork>(&op.work);
  if (work == nullptr || layout.context == 1 ||
      layout.context_scheme != ContextScheme::all_to_all) {
    return base::Bytes(0);
  }
  return base::Bytes(static_cast<double>(work->heads * work->value_dim) *
                     rows_kept(op, batch, layout) * element_bytes(options.formats) /
                     static_cast<double>(layout.tensor));
}

bool is_layer(const Block& block) {
  return block.role == BlockRole::layer || block.role == BlockRole::encoder_layer;
}

bool alternates(const Block& block, const LoweringOptions& options, Recompute recompute) {
  return recompute == Recompute::selective && options.again.empty() && is_layer(block) &&
         options.software.selective == SelectiveRecompute::every_other_product;
}

// Widths of a projection's pieces in the order in which they run: q, k, v; gate, up.
std::vector<double> piece_widths(const LinearWork& work) {
  const auto outputs = static_cast<double>(work.outputs);
  const auto kv = static_cast<double>(work.kv_outputs);
  if (work.pieces == 3 && kv > 0) return {outputs - kv, kv / 2, kv / 2};
  return std::vector<double>(static_cast<std::size_t>(work.pieces),
                             outputs / static_cast<double>(work.pieces));
}

// Of each op's outputs the width that is kept, where every other product is.
std::vector<double> kept_widths(const Block& block) {
  std::vector<double> kept;
  int products = 0;
  for (const Op& op : block.ops) {
    double width = 0;
    if (const auto* linear = std::get_if<LinearWork>(&op.work)) {
      for (const double piece : piece_widths(*linear)) width += products++ % 2 == 0 ? piece : 0.0;
    } else if (const auto* attention = std::get_if<AttentionWork>(&op.work)) {
      width = static_cast<double>(attention->heads * attention->value_dim);
    }
    kept.push_back(width);
  }
  return kept;
}

base::Bytes alternating_memory(const Block& block, const BatchShape& batch,
                               const LoweringOptions& options) {
  const std::vector<double> widths = kept_widths(block);
  base::Bytes sum{0};
  for (std::size_t i = 0; i < block.ops.size(); ++i) {
    const Op& op = block.ops[i];
    sum += activation_memory(op, batch, options, Recompute::full);  // the layer's input
    const bool split = op.split == TensorSplit::column || op.split == TensorSplit::heads;
    SavedTensor output;
    output.split = split ? SavedSplit::tensor : SavedSplit::sequence;
    sum += base::Bytes(widths[i] * rows_kept(op, batch, options.layout) *
                       element_bytes(options.formats) / divisor(output, options.layout));
  }
  return sum;
}

}  // namespace

base::Bytes activation_memory(const Op& op, const BatchShape& batch, const LoweringOptions& options,
                              Recompute recompute) {
  double sum = 0;
  for (const SavedTensor& tensor : op.saved) {
    if (!kept_under(op, tensor.scope, options, recompute) || !holds(tensor.condition, op, options))
      continue;
    const double count = tensor.extent == SavedExtent::pair ? pairs(op, batch, options.layout)
                                                            : rows_kept(op, batch, options.layout);
    sum += tensor.elements * count * bytes_of(tensor.element, options.formats) /
           divisor(tensor, options.layout);
  }
  return base::Bytes(sum) +
         (recompute == Recompute::full ? base::Bytes(0) : exchanged_output(op, batch, options));
}

base::Bytes activation_memory(const Block& block, const BatchShape& batch,
                              const LoweringOptions& options, Recompute recompute) {
  if (alternates(block, options, recompute)) return alternating_memory(block, batch, options);
  // Only layers are checkpointed: embedding and head keep what they keep.
  base::Bytes sum{0};
  for (const Op& op : block.ops) {
    sum += activation_memory(op, batch, options, is_layer(block) ? recompute : Recompute::none);
  }
  return sum;
}

std::vector<double> recomputed_shares(const Block& block, const LoweringOptions& options,
                                      Recompute recompute) {
  std::vector<double> shares(block.ops.size(), 0.0);
  if (block.gradients == GradientFlow::none || !is_layer(block)) return shares;
  const bool unfused = options.software.attention == AttentionKernel::unfused;
  const bool alternate = alternates(block, options, recompute);
  const std::vector<double> widths = kept_widths(block);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const Work& work = block.ops[i].work;
    const auto* linear = std::get_if<LinearWork>(&work);
    const bool attention = std::holds_alternative<AttentionWork>(work);
    if (recompute == Recompute::full) {
      shares[i] = 1.0;
    } else if (recompute == Recompute::selective && !options.again.empty()) {
      shares[i] = runs_again(block.ops[i], options.again) ? 1.0 : 0.0;
    } else if (alternate) {
      shares[i] = linear != nullptr ? 1.0 - widths[i] / static_cast<double>(linear->outputs)
                  : attention       ? 0.0
                                    : 1.0;
    } else if (recompute == Recompute::selective && attention && unfused) {
      shares[i] = 1.0;  // a fused kernel's backward pass computes the softmax again in any case
    }
  }
  return shares;
}

bool activation_runs_again(const Op& op, const LoweringOptions& options, Recompute recompute) {
  return recompute == Recompute::selective && std::holds_alternative<MoeWork>(op.work) &&
         options.again.has(RecomputeModule::moe_act) && !options.again.has(RecomputeModule::moe);
}

}  // namespace windtunnel::models

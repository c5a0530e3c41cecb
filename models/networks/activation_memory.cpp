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

bool kept_under(SavedScope scope, Recompute recompute) {
  switch (recompute) {
    case Recompute::none:
      return true;
    case Recompute::selective:
      return scope != SavedScope::attention_core;
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

}  // namespace

base::Bytes activation_memory(const Op& op, const BatchShape& batch, const LoweringOptions& options,
                              Recompute recompute) {
  double sum = 0;
  for (const SavedTensor& tensor : op.saved) {
    if (!kept_under(tensor.scope, recompute) || !holds(tensor.condition, op, options)) continue;
    const double count = tensor.extent == SavedExtent::pair ? pairs(op, batch, options.layout)
                                                            : rows_kept(op, batch, options.layout);
    sum += tensor.elements * count * bytes_of(tensor.element, options.formats) /
           divisor(tensor, options.layout);
  }
  return base::Bytes(sum);
}

base::Bytes activation_memory(const Block& block, const BatchShape& batch,
                              const LoweringOptions& options, Recompute recompute) {
  // Only layers are checkpointed: embedding and head keep what they keep.
  const bool layer = block.role == BlockRole::layer || block.role == BlockRole::encoder_layer;
  base::Bytes sum{0};
  for (const Op& op : block.ops) {
    sum += activation_memory(op, batch, options, layer ? recompute : Recompute::none);
  }
  return sum;
}

bool recomputed(const Op& op, const Block& block, const LoweringOptions& options,
                Recompute recompute) {
  if (block.gradients == GradientFlow::none) return false;
  if (block.role != BlockRole::layer && block.role != BlockRole::encoder_layer) return false;
  if (recompute == Recompute::full) return true;
  const bool unfused = options.software.attention == AttentionKernel::unfused;
  // A fused kernel's backward pass computes the softmax again in any case.
  return recompute == Recompute::selective && unfused &&
         std::holds_alternative<AttentionWork>(op.work);
}

}  // namespace windtunnel::models

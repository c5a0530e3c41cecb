#include "models/networks/op.hpp"

namespace windtunnel::models {
namespace {

struct KindName {
  std::string_view operator()(const LinearWork&) const { return "gemm"; }
  std::string_view operator()(const AttentionWork&) const { return "attention"; }
  std::string_view operator()(const MoeWork&) const { return "moe"; }
  std::string_view operator()(const MemoryWork&) const { return "memory"; }
  std::string_view operator()(const EmbeddingWork&) const { return "embedding"; }
  std::string_view operator()(const ConvolutionWork&) const { return "convolution"; }
  std::string_view operator()(const ProductWork&) const { return "product"; }
  std::string_view operator()(const RecurrentWork&) const { return "recurrent"; }
  std::string_view operator()(const ScanWork&) const { return "scan"; }
};

}  // namespace

std::string_view kind_of(const Op& op) {
  return std::visit(KindName{}, op.work);
}

std::string_view to_text(TensorSplit split) {
  switch (split) {
    case TensorSplit::replicated:
      return "replicated";
    case TensorSplit::column:
      return "column";
    case TensorSplit::row:
      return "row";
    case TensorSplit::heads:
      return "heads";
    case TensorSplit::vocabulary:
      return "vocabulary";
    case TensorSplit::experts:
      return "experts";
  }
  return "";
}

}  // namespace windtunnel::models

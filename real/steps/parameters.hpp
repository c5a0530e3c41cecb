// The parameters of a step in one flat buffer, in forward order, so that backward fills the gradient
// from its end: one Adam call covers all, and a data-parallel bucket is a contiguous range.
//
// Contract: offsets count elements and are multiples of 64 (256 bytes in fp32, 128 in bf16); the gaps
// between tensors belong to nobody and stay zero. A matrix is [outputs][inputs], row-major.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "real/steps/step_shape.hpp"

namespace windtunnel::real {

enum class Parameter {
  embedding,
  positions,
  norm1_gain,
  norm1_bias,
  qkv,
  projection,
  norm2_gain,
  norm2_bias,
  up,
  down,
  final_gain,
  final_bias,
  head,
};

struct ParameterTensor {
  Parameter which = Parameter::embedding;
  std::int64_t layer = -1;  // -1: of no block
  std::int64_t rows = 1, columns = 1;
  std::int64_t offset = 0;

  std::int64_t count() const { return rows * columns; }
};
std::string name_of(const ParameterTensor& tensor);  // "block 3 qkv"

// Start values are uniform in middle +- half: matrices with standard deviation 0.5 / sqrt(inputs),
// tables and biases within 0.5, gains in [0.5, 1.5]: wide enough that no op is near its linear range.
struct InitialRange {
  double middle = 0.0, half = 0.5;
};
InitialRange initial_range(const ParameterTensor& tensor);

class ParameterLayout {
 public:
  explicit ParameterLayout(const StepShape& shape);

  const std::vector<ParameterTensor>& tensors() const { return tensors_; }
  // Elements of the flat buffer, gaps included.
  std::int64_t size() const { return size_; }
  std::int64_t parameters() const;  // gaps left out
  bool has(Parameter which, std::int64_t layer = -1) const;
  // expects that it is there. The head of a tied model is its embedding.
  const ParameterTensor& at(Parameter which, std::int64_t layer = -1) const;

 private:
  void add(Parameter which, std::int64_t layer, std::int64_t rows, std::int64_t columns);

  std::vector<ParameterTensor> tensors_;
  std::int64_t size_ = 0;
  bool tied_ = false;
};

// Elements [offset, offset + count) of the flat gradient, reduced by one collective once the
// gradients of tensors `first` and after are all there.
struct GradientBucket {
  std::int64_t offset = 0, count = 0;
  std::size_t first = 0;  // index into ParameterLayout::tensors()
};
// Whole tensors from the end of the buffer, a bucket closed once it holds `bytes` of fp32 or more
// (as PyTorch's DistributedDataParallel closes its buckets); together they are the whole buffer.
std::vector<GradientBucket> gradient_buckets(const ParameterLayout& layout, std::int64_t bytes);

}  // namespace windtunnel::real

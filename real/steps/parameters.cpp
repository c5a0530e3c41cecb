#include "real/steps/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

constexpr std::int64_t kAlignment = 64;  // elements

std::string_view word(Parameter which) {
  switch (which) {
    case Parameter::embedding:
      return "embedding";
    case Parameter::positions:
      return "positions";
    case Parameter::norm1_gain:
      return "norm1 gain";
    case Parameter::norm1_bias:
      return "norm1 bias";
    case Parameter::qkv:
      return "qkv";
    case Parameter::projection:
      return "projection";
    case Parameter::norm2_gain:
      return "norm2 gain";
    case Parameter::norm2_bias:
      return "norm2 bias";
    case Parameter::up:
      return "up";
    case Parameter::down:
      return "down";
    case Parameter::final_gain:
      return "final norm gain";
    case Parameter::final_bias:
      return "final norm bias";
    case Parameter::head:
      return "head";
  }
  return "";
}

}  // namespace

std::string name_of(const ParameterTensor& tensor) {
  if (tensor.layer < 0) return std::string(word(tensor.which));
  return fmt::format("block {} {}", tensor.layer, word(tensor.which));
}

InitialRange initial_range(const ParameterTensor& tensor) {
  switch (tensor.which) {
    case Parameter::norm1_gain:
    case Parameter::norm2_gain:
    case Parameter::final_gain:
      return {1.0, 0.5};
    case Parameter::embedding:
    case Parameter::positions:
    case Parameter::norm1_bias:
    case Parameter::norm2_bias:
    case Parameter::final_bias:
      return {0.0, 0.5};
    case Parameter::qkv:
    case Parameter::projection:
    case Parameter::up:
    case Parameter::down:
    case Parameter::head:
      break;
  }
  return {0.0, 0.5 * std::sqrt(3.0 / static_cast<double>(tensor.columns))};
}

ParameterLayout::ParameterLayout(const StepShape& s)
    : tied_(s.vocabulary > 0 && s.head == StepShape::Head::tied) {
  base::expects(shape_refusal(s).empty(), "the shape of a step is sound");
  const bool biased = s.norm == StepShape::Norm::layer;
  if (s.vocabulary > 0) {
    add(Parameter::embedding, -1, s.vocabulary, s.hidden);
    if (s.positions == StepShape::Positions::learned)
      add(Parameter::positions, -1, s.sequence, s.hidden);
  }
  for (std::int64_t layer = 0; layer < s.layers; ++layer) {
    add(Parameter::norm1_gain, layer, 1, s.hidden);
    if (biased) add(Parameter::norm1_bias, layer, 1, s.hidden);
    add(Parameter::qkv, layer, s.qkv_width(), s.hidden);
    add(Parameter::projection, layer, s.hidden, s.attention_width());
    add(Parameter::norm2_gain, layer, 1, s.hidden);
    if (biased) add(Parameter::norm2_bias, layer, 1, s.hidden);
    add(Parameter::up, layer, s.up_width(), s.hidden);
    add(Parameter::down, layer, s.hidden, s.ffn);
  }
  if (s.vocabulary == 0) return;
  add(Parameter::final_gain, -1, 1, s.hidden);
  if (biased) add(Parameter::final_bias, -1, 1, s.hidden);
  if (!tied_) add(Parameter::head, -1, s.vocabulary, s.hidden);
}

void ParameterLayout::add(Parameter which, std::int64_t layer, std::int64_t rows,
                          std::int64_t columns) {
  tensors_.push_back({which, layer, rows, columns, size_});
  size_ += (rows * columns + kAlignment - 1) / kAlignment * kAlignment;
}

std::int64_t ParameterLayout::parameters() const {
  std::int64_t total = 0;
  for (const ParameterTensor& tensor : tensors_) total += tensor.count();
  return total;
}

bool ParameterLayout::has(Parameter which, std::int64_t layer) const {
  return std::any_of(tensors_.begin(), tensors_.end(), [&](const ParameterTensor& tensor) {
    return tensor.which == which && tensor.layer == layer;
  });
}

const ParameterTensor& ParameterLayout::at(Parameter which, std::int64_t layer) const {
  const Parameter stored = tied_ && which == Parameter::head ? Parameter::embedding : which;
  const auto found = std::find_if(tensors_.begin(), tensors_.end(), [&](const auto& tensor) {
    return tensor.which == stored && tensor.layer == layer;
  });
  base::expects(found != tensors_.end(), "the step has this parameter");
  return *found;
}

std::vector<GradientBucket> gradient_buckets(const ParameterLayout& layout, std::int64_t bytes) {
  base::expects(bytes > 0, "a bucket holds at least a byte");
  std::vector<GradientBucket> buckets;
  std::int64_t end = layout.size();
  for (std::size_t i = layout.tensors().size(); i-- > 0;) {
    const std::int64_t begin = layout.tensors()[i].offset;
    if (4 * (end - begin) < bytes && i > 0) continue;
    buckets.push_back({begin, end - begin, i});
    end = begin;
  }
  return buckets;
}

}  // namespace windtunnel::real

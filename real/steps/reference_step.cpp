#include "real/steps/reference_step.hpp"

#include <algorithm>
#include <cmath>

#include "real/steps/reference_ops.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/random.hpp"

namespace windtunnel::real::step_reference {
namespace {

struct BlockTape {
  Matrix x, n1, qkv, heads, x1, n2, up, act;
};

class Step {
 public:
  Step(const StepShape& shape, std::span<const double> parameters, const StepInput& input)
      : s_(shape), layout_(shape), parameters_(parameters), input_(input) {
    base::expects(static_cast<std::int64_t>(parameters.size()) == layout_.size(),
                  "parameters are laid out for this shape");
    out_.parameters.assign(parameters.size(), 0.0);
  }

  StepGradient run() {
    Matrix x =
        s_.vocabulary > 0 ? embed() : ConstMatrixMap(input_.input.data(), s_.tokens(), s_.hidden);
    for (std::int64_t layer = 0; layer < s_.layers; ++layer) x = block(std::move(x), layer);
    Matrix dx = s_.vocabulary > 0 ? head(x) : block_loss(x);
    for (std::int64_t layer = s_.layers - 1; layer >= 0; --layer) dx = block_backward(dx, layer);
    if (s_.vocabulary > 0)
      embed_backward(dx);
    else
      out_.input.assign(dx.data(), dx.data() + dx.size());
    return std::move(out_);
  }

 private:
  ConstMatrixMap matrix(Parameter which, std::int64_t layer = -1) const {
    const ParameterTensor& at = layout_.at(which, layer);
    return {parameters_.data() + at.offset, at.rows, at.columns};
  }
  Eigen::Map<Matrix> gradient_of(Parameter which, std::int64_t layer = -1) {
    const ParameterTensor& at = layout_.at(which, layer);
    return {out_.parameters.data() + at.offset, at.rows, at.columns};
  }
  NormWeights norm_weights(Parameter gain, Parameter bias, std::int64_t layer) const {
    NormWeights weights;
    weights.kind = s_.norm;
    new (&weights.gain)
        ConstVectorMap(parameters_.data() + layout_.at(gain, layer).offset, s_.hidden);
    if (s_.norm == StepShape::Norm::layer)
      new (&weights.bias)
          ConstVectorMap(parameters_.data() + layout_.at(bias, layer).offset, s_.hidden);
    return weights;
  }
  Matrix through_norm_backward(const Matrix& x, const Matrix& dy, Parameter gain, Parameter bias,
                               std::int64_t layer = -1) {
    const NormGradient g = norm_backward(x, dy, norm_weights(gain, bias, layer));
    gradient_of(gain, layer) += g.gain;
    if (s_.norm == StepShape::Norm::layer) gradient_of(bias, layer) += g.bias;
    return g.x;
  }
  // y = x W^T; adds to the gradient of W and returns that of x.
  Matrix linear_backward(const Matrix& x, const Matrix& dy, Parameter which,
                         std::int64_t layer = -1) {
    gradient_of(which, layer) += dy.transpose() * x;
    return dy * matrix(which, layer);
  }

  Matrix embed() const {
    Matrix x(s_.tokens(), s_.hidden);
    for (std::int64_t r = 0; r < s_.tokens(); ++r) {
      x.row(r) = matrix(Parameter::embedding).row(input_.tokens[static_cast<std::size_t>(r)]);
      if (s_.positions == StepShape::Positions::learned)
        x.row(r) += matrix(Parameter::positions).row(r % s_.sequence);
    }
    return x;
  }
  void embed_backward(const Matrix& dx) {
    for (std::int64_t r = 0; r < s_.tokens(); ++r) {
      gradient_of(Parameter::embedding).row(input_.tokens[static_cast<std::size_t>(r)]) +=
          dx.row(r);
      if (s_.positions == StepShape::Positions::learned)
        gradient_of(Parameter::positions).row(r % s_.sequence) += dx.row(r);
    }
  }

  Matrix block(Matrix x, std::int64_t layer) {
    BlockTape t;
    t.x = std::move(x);
    t.n1 = norm(t.x, norm_weights(Parameter::norm1_gain, Parameter::norm1_bias, layer));
    t.qkv = t.n1 * matrix(Parameter::qkv, layer).transpose();
    if (s_.positions == StepShape::Positions::rotary) rotate(t.qkv, s_, 1.0);
    t.heads = attention(t.qkv, s_);
    t.x1 = t.x + t.heads * matrix(Parameter::projection, layer).transpose();
    t.n2 = norm(t.x1, norm_weights(Parameter::norm2_gain, Parameter::norm2_bias, layer));
    t.up = t.n2 * matrix(Parameter::up, layer).transpose();
    t.act = activation(t.up, s_.mlp);
    Matrix y = t.x1 + t.act * matrix(Parameter::down, layer).transpose();
    tape_.push_back(std::move(t));
    return y;
  }

  Matrix block_backward(const Matrix& dy, std::int64_t layer) {
    const BlockTape& t = tape_[static_cast<std::size_t>(layer)];
    const Matrix d_act = linear_backward(t.act, dy, Parameter::down, layer);
    const Matrix d_up = activation_backward(t.up, d_act, s_.mlp);
    const Matrix d_n2 = linear_backward(t.n2, d_up, Parameter::up, layer);
    const Matrix d_x1 =
        dy + through_norm_backward(t.x1, d_n2, Parameter::norm2_gain, Parameter::norm2_bias, layer);
    const Matrix d_heads = linear_backward(t.heads, d_x1, Parameter::projection, layer);
    Matrix d_qkv = attention_backward(t.qkv, d_heads, s_);
    if (s_.positions == StepShape::Positions::rotary) rotate(d_qkv, s_, -1.0);
    const Matrix d_n1 = linear_backward(t.n1, d_qkv, Parameter::qkv, layer);
    return d_x1 +
           through_norm_backward(t.x, d_n1, Parameter::norm1_gain, Parameter::norm1_bias, layer);
  }

  Matrix head(const Matrix& x) {
    const NormWeights weights = norm_weights(Parameter::final_gain, Parameter::final_bias, -1);
    const Matrix n = norm(x, weights);
    const Matrix logits = n * matrix(Parameter::head).transpose();
    Matrix d_logits;
    out_.loss = cross_entropy(logits, input_.targets.data(), d_logits);
    const Matrix d_n = linear_backward(n, d_logits, Parameter::head);
    return through_norm_backward(x, d_n, Parameter::final_gain, Parameter::final_bias);
  }

  Matrix block_loss(const Matrix& x) {
    const ConstMatrixMap cotangent(input_.cotangent.data(), s_.tokens(), s_.hidden);
    out_.loss = (x.array() * cotangent.array()).sum();
    return cotangent;
  }

  const StepShape& s_;
  ParameterLayout layout_;
  std::span<const double> parameters_;
  const StepInput& input_;
  std::vector<BlockTape> tape_;
  StepGradient out_;
};

}  // namespace

StepInput random_input(const StepShape& shape, std::uint64_t seed) {
  base::RandomStream random(seed, "step input");
  StepInput input;
  if (shape.vocabulary > 0) {
    for (std::int64_t i = 0; i < shape.tokens(); ++i) {
      input.tokens.push_back(static_cast<std::int32_t>(random.below(shape.vocabulary)));
      input.targets.push_back(static_cast<std::int32_t>(random.below(shape.vocabulary)));
    }
    return input;
  }
  for (std::int64_t i = 0; i < shape.tokens() * shape.hidden; ++i) {
    input.input.push_back(random.uniform(-1.0, 1.0));
    input.cotangent.push_back(random.uniform(-1.0, 1.0));
  }
  return input;
}

std::vector<double> random_parameters(const StepShape& shape, std::uint64_t seed) {
  const ParameterLayout layout(shape);
  base::RandomStream random(seed, "step parameters");
  std::vector<double> values(static_cast<std::size_t>(layout.size()), 0.0);
  for (const ParameterTensor& tensor : layout.tensors()) {
    const auto [middle, half] = initial_range(tensor);
    const auto begin = values.begin() + tensor.offset;
    for (std::int64_t i = 0; i < tensor.count(); ++i)
      begin[i] = random.uniform(middle - half, middle + half);
  }
  return values;
}

StepGradient gradient(const StepShape& shape, std::span<const double> parameters,
                      const StepInput& input) {
  return Step(shape, parameters, input).run();
}

void adam(AdamState& state, std::span<const double> gradient, const AdamOptions& o) {
  const double correct1 = 1.0 - std::pow(o.beta1, static_cast<double>(o.step));
  const double correct2 = 1.0 - std::pow(o.beta2, static_cast<double>(o.step));
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    double& m = state.moment1[i];
    double& v = state.moment2[i];
    m = o.beta1 * m + (1.0 - o.beta1) * gradient[i];
    v = o.beta2 * v + (1.0 - o.beta2) * gradient[i] * gradient[i];
    const double update = (m / correct1) / (std::sqrt(v / correct2) + o.epsilon);
    state.weights[i] -= o.learning_rate * (update + o.weight_decay * state.weights[i]);
  }
}

}  // namespace windtunnel::real::step_reference

// The denoising UNet of Stable Diffusion XL (Podell et al. 2023, arXiv 2307.01952, as in diffusers'
// UNet2DConditionModel): residual blocks and spatial transformers going down, in the middle, and up
// with the maps of the way down appended.
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "models/networks/op_builders.hpp"

namespace windtunnel::models {
namespace {

constexpr Rows kSample{.basis = RowBasis::sequence};

struct Map {
  std::int64_t channels = 0, side = 0;
  std::int64_t positions() const { return side * side; }
  double elements() const { return static_cast<double>(channels * positions()); }
};

class UnetBuilder {
 public:
  explicit UnetBuilder(const DiffusionUnet& unet)
      : unet_(unet), embedding_(4 * unet.channels), map_{unet.channels, unet.latent} {}

  Network build();

 private:
  void stem();
  void down(std::size_t level);
  void middle();
  void up(std::size_t level);
  void head();
  void residual(std::int64_t appended, std::int64_t channels);
  void transformers(std::int64_t depth);
  void transformer_layer(Rows rows);
  void attention(const std::string& name, Rows rows, Rows keys, std::int64_t key_width);
  void convolution(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
                   std::int64_t stride);
  void linear(const std::string& name, std::int64_t in, std::int64_t out, Rows rows, bool bias_too);
  void norm(const std::string& name, const Map& map) {
    ops_.push_back(map_norm_op(name, map.channels, map.positions()));
  }
  void finish(std::string name, BlockRole role);

  const DiffusionUnet& unet_;
  std::int64_t embedding_;  // width of the time embedding
  Map map_;
  std::vector<Map> skips_;
  std::vector<Op> ops_;
  Network network_;
};

void UnetBuilder::finish(std::string name, BlockRole role) {
  network_.blocks.push_back({.name = std::move(name), .role = role, .ops = std::move(ops_)});
  network_.order.push_back(network_.blocks.size() - 1);
  ops_.clear();
}

void UnetBuilder::convolution(const std::string& name, std::int64_t in, std::int64_t out,
                              std::int64_t kernel, std::int64_t stride) {
  const ConvolutionShape shape{.in_channels = in,
                               .out_channels = out,
                               .kernel = kernel,
                               .stride = stride,
                               .in_side = map_.side};
  ops_.push_back(convolution_op(name, shape, {.mlp = true}));
}

void UnetBuilder::linear(const std::string& name, std::int64_t in, std::int64_t out, Rows rows,
                         bool bias_too) {
  ops_.push_back(linear_op(name, {.inputs = in, .outputs = out, .bias = bias_too},
                           TensorSplit::replicated, rows));
}

void UnetBuilder::stem() {
  convolution("stem", unet_.latent_channels, unet_.channels, 3, 1);
  linear("time 1", unet_.channels, embedding_, kSample, true);
  linear("time 2", embedding_, embedding_, kSample, true);
  linear("conditioning 1", unet_.conditioning, embedding_, kSample, true);
  linear("conditioning 2", embedding_, embedding_, kSample, true);
  skips_.push_back(map_);
  finish("stem", BlockRole::embedding);
}

// Norm, convolution, time embedding, norm, convolution; a 1x1 where the width changes.
void UnetBuilder::residual(std::int64_t appended, std::int64_t channels) {
  const Map in{map_.channels + appended, map_.side};
  const Map out{channels, map_.side};
  norm("residual.norm 1", in);
  convolution("residual.convolution 1", in.channels, channels, 3, 1);
  linear("residual.time", embedding_, channels, kSample, true);
  norm("residual.norm 2", out);
  convolution("residual.convolution 2", channels, channels, 3, 1);
  if (in.channels != channels) convolution("residual.shortcut", in.channels, channels, 1, 1);
  ops_.push_back(map_op("residual.add", MemoryOp::add, out.elements(), {1, 3.0}));
  map_.channels = channels;
}

void UnetBuilder::attention(const std::string& name, Rows rows, Rows keys, std::int64_t key_width) {
  const std::int64_t width = map_.channels;
  ops_.push_back(map_norm_op(name + ".norm", width, 0));
  std::get<MemoryWork>(ops_.back().work).width = static_cast<double>(width * rows.per);
  linear(name + ".query", width, width, rows, false);
  linear(name + ".key_value", key_width, 2 * width, keys, false);
  const std::int64_t heads = width / unet_.head_dim;
  ops_.push_back({.name = name + ".core",
                  .work = AttentionWork{.heads = heads,
                                        .kv_heads = heads,
                                        .head_dim = unet_.head_dim,
                                        .value_dim = unet_.head_dim,
                                        .mask = AttentionMask::full,
                                        .fixed_query = rows.per,
                                        .fixed_keys = keys.per},
                  .rows = rows,
                  .split = TensorSplit::replicated});
  for (const char* what : {"query", "key", "value"}) {
    ops_.back().saved.push_back(kept(what, static_cast<double>(width), SavedSplit::replicated));
  }
  linear(name + ".output", width, width, rows, true);
}

void UnetBuilder::transformer_layer(Rows rows) {
  const std::int64_t width = map_.channels;
  attention("self_attention", rows, rows, width);
  attention("cross_attention", rows, {.basis = RowBasis::sequence, .per = unet_.context_tokens},
            unet_.context_width);
  ops_.push_back(map_norm_op("mlp.norm", width, 0));
  std::get<MemoryWork>(ops_.back().work).width = static_cast<double>(width * rows.per);
  linear("mlp.up", width, 8 * width, rows, true);
  Op activation = activation_op("mlp.activation", MlpKind::gated, 4 * width, rows);
  activation.split = TensorSplit::replicated;
  ops_.push_back(std::move(activation));
  linear("mlp.down", 4 * width, width, rows, true);
  ops_.push_back(map_op("residuals", MemoryOp::add, 3.0 * map_.elements(), {3, 3.0}));
}

void UnetBuilder::transformers(std::int64_t depth) {
  if (depth == 0) return;
  const Rows rows{.basis = RowBasis::sequence, .per = map_.positions()};
  norm("transformer.norm", map_);
  linear("transformer.in", map_.channels, map_.channels, rows, true);
  for (std::int64_t i = 0; i < depth; ++i) transformer_layer(rows);
  linear("transformer.out", map_.channels, map_.channels, rows, true);
}

void UnetBuilder::down(std::size_t level) {
  for (std::int64_t i = 0; i < unet_.residual_blocks; ++i) {
    residual(0, unet_.channels * unet_.multipliers[level]);
    transformers(unet_.transformer_depth[level]);
    skips_.push_back(map_);
    finish(fmt::format("down {}.{}", level + 1, i + 1), BlockRole::layer);
  }
  if (level + 1 == unet_.multipliers.size()) return;
  convolution("downsample", map_.channels, map_.channels, 3, 2);
  map_.side /= 2;
  skips_.push_back(map_);
  finish(fmt::format("down {} sample", level + 1), BlockRole::layer);
}

void UnetBuilder::middle() {
  residual(0, map_.channels);
  transformers(unet_.transformer_depth.back());
  residual(0, map_.channels);
  finish("middle", BlockRole::layer);
}

void UnetBuilder::up(std::size_t level) {
  for (std::int64_t i = 0; i <= unet_.residual_blocks; ++i) {
    const Map skip = skips_.back();
    skips_.pop_back();
    residual(skip.channels, unet_.channels * unet_.multipliers[level]);
    transformers(unet_.transformer_depth[level]);
    finish(fmt::format("up {}.{}", level + 1, i + 1), BlockRole::layer);
  }
  if (level == 0) return;
  map_.side *= 2;
  convolution("upsample", map_.channels, map_.channels, 3, 1);
  finish(fmt::format("up {} sample", level + 1), BlockRole::layer);
}

void UnetBuilder::head() {
  norm("head.norm", map_);
  convolution("head.convolution", map_.channels, unet_.latent_channels, 3, 1);
  finish("head", BlockRole::head);
}

Network UnetBuilder::build() {
  stem();
  for (std::size_t level = 0; level < unet_.multipliers.size(); ++level) down(level);
  middle();
  for (std::size_t level = unet_.multipliers.size(); level-- > 0;) up(level);
  head();
  network_.sample = SampleKind::image;
  network_.evaluations = unet_.evaluations;
  return std::move(network_);
}

}  // namespace

Network build(const DiffusionUnet& unet) {
  return UnetBuilder(unet).build();
}

}  // namespace windtunnel::models

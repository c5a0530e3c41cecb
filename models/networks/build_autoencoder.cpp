// The decoder of latent diffusion's autoencoder (Rombach et al. 2022, arXiv 2112.10752, as in
// diffusers' AutoencoderKL of Stable Diffusion XL): 512 channels at the size of the latent, residual
// blocks and one attention over all its positions, then three doublings with three residual blocks
// each level, 512, 512, 256 and 128 wide.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "models/networks/convolution_chain.hpp"

namespace windtunnel::models {
namespace {

constexpr std::int64_t kWidths[] = {512, 512, 256, 128};
constexpr int kResidualBlocks = 3;  // a level

void residual(Chain& chain, std::int64_t channels) {
  const ConvolutionShape input{.in_channels = chain.channels(), .in_side = chain.side()};
  const Biases biases{.mlp = true};
  chain.norm("residual.norm 1");
  chain.convolution("residual.convolution 1", {.out_channels = channels, .kernel = 3}, biases);
  chain.norm("residual.norm 2");
  chain.convolution("residual.convolution 2", {.out_channels = channels, .kernel = 3}, biases);
  if (input.in_channels != channels) {
    ConvolutionShape shortcut = input;
    shortcut.out_channels = channels;
    chain.ops().push_back(convolution_op("residual.shortcut", shortcut, biases));
  }
  chain.add("residual.add");
}

void attention(Chain& chain) {
  const std::int64_t width = chain.channels(), positions = chain.side() * chain.side();
  const Rows rows{.basis = RowBasis::sequence, .per = positions};
  chain.norm("attention.norm");
  chain.ops().push_back(linear_op("attention.projection",
                                  {.inputs = width, .outputs = 3 * width, .bias = true},
                                  TensorSplit::replicated, rows));
  chain.ops().push_back({.name = "attention.core",
                         .work = AttentionWork{.heads = 1,
                                               .kv_heads = 1,
                                               .head_dim = width,
                                               .value_dim = width,
                                               .mask = AttentionMask::full,
                                               .fixed_query = positions,
                                               .fixed_keys = positions},
                         .rows = rows});
  chain.ops().push_back(linear_op("attention.output",
                                  {.inputs = width, .outputs = width, .bias = true},
                                  TensorSplit::replicated, rows));
}

}  // namespace

Network image_decoder(const DiffusionUnet& unet) {
  Network network{.name = "autoencoder's decoder", .sample = SampleKind::image};
  const Biases biases{.mlp = true};
  Chain latent(unet.latent_channels, unet.latent);
  latent.convolution("latent", {.out_channels = unet.latent_channels, .kernel = 1}, biases);
  latent.convolution("stem", {.out_channels = kWidths[0], .kernel = 3}, biases);
  residual(latent, kWidths[0]);
  attention(latent);
  residual(latent, kWidths[0]);
  append(network, latent.block("middle", BlockRole::embedding));
  std::int64_t side = unet.latent, channels = kWidths[0];
  for (std::size_t level = 0; level < std::size(kWidths); ++level) {
    Chain chain(channels, side);
    for (int i = 0; i < kResidualBlocks; ++i) residual(chain, kWidths[level]);
    channels = kWidths[level];
    append(network, chain.block(fmt::format("level {}", level + 1), BlockRole::layer));
    if (level + 1 == std::size(kWidths)) break;
    side *= 2;
    Chain doubled(channels, side);
    doubled.convolution("double", {.out_channels = channels, .kernel = 3}, biases);
    append(network, doubled.block(fmt::format("double {}", level + 1), BlockRole::layer));
  }
  Chain image(channels, side);
  image.norm("norm");
  image.convolution("image", {.out_channels = 3, .kernel = 3}, biases);
  append(network, image.block("head", BlockRole::head));
  return network;
}

}  // namespace windtunnel::models

// A model of the library or of a user: its name, where its figures come from, and its architecture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "models/networks/transformer.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::models {

// Convolutional networks by family. `stages`: residual blocks a stage (ResNet: bottlenecks of
// widths 64, 128, 256, 512 times 4), or 3x3 convolutions a stage (VGG: widths 64 to 512); AlexNet
// has none to choose. ResNeXt: the 3x3 of a bottleneck has `groups` groups, `group_width` channels
// each in the first stage. retinanet: a detector on such a backbone, `anchors` boxes a position.
// unet3d: segmentation of cubes of `image` voxels an edge; stages: channels of each level.
enum class ConvolutionalFamily { resnet, vgg, alexnet, retinanet, unet3d };
struct ConvolutionalNetwork {
  ConvolutionalFamily family = ConvolutionalFamily::resnet;
  std::vector<std::int64_t> stages{};
  std::int64_t image = 224;
  std::int64_t classes = 1000;
  std::int64_t groups = 1;
  std::int64_t group_width = 64;
  std::int64_t anchors = 9;
  std::int64_t evaluations = 1;  // of the network for one sample (cubes of a scan)
};

// The denoising UNet of latent diffusion (Podell et al. 2023, arXiv 2307.01952): per level
// `residual_blocks` residual blocks of width channels * multipliers[level], each followed by
// transformer_depth[level] transformer blocks with cross attention to `context_tokens` text tokens
// of width context_width. Text encoders and autoencoder are left out.
struct DiffusionUnet {
  std::int64_t latent = 128;  // height and width of the latent image
  std::int64_t latent_channels = 4;
  std::int64_t channels = 320;
  std::vector<std::int64_t> multipliers{};
  std::vector<std::int64_t> transformer_depth{};
  std::int64_t residual_blocks = 2;
  std::int64_t head_dim = 64;
  std::int64_t context_width = 2048;
  std::int64_t context_tokens = 77;
  std::int64_t conditioning = 2816;  // width of the added embedding (size, crop, pooled text)
  std::int64_t evaluations = 1;      // of the UNet for one image: steps, times 2 with guidance
};

// DLRM-v2 (Naumov et al. 2019, arXiv 1906.00091; MLPerf: low-rank cross interaction of Wang et
// al. 2021, arXiv 2008.13535). `cross_layers` 0: pairwise dot products.
struct RecommendationModel {
  std::int64_t dense_features = 13;
  std::vector<std::int64_t> table_rows{};
  std::vector<std::int64_t> lookups{};  // pooled rows a table; empty: one
  std::int64_t embedding_dim = 128;
  std::vector<std::int64_t> bottom_mlp{};
  std::vector<std::int64_t> top_mlp{};
  std::int64_t cross_layers = 0;
  std::int64_t cross_rank = 0;
};

// Stacked LSTM with an embedding and a softmax over the vocabulary (vocab 0: neither).
struct RecurrentNetwork {
  std::int64_t layers = 1;
  std::int64_t inputs = 0;  // width of the input; 0: hidden
  std::int64_t hidden = 0;
  std::int64_t vocab = 0;
};

// inputs -> widths[0] -> ... -> widths.back(). One width alone is linear or logistic regression.
struct FeedForward {
  std::int64_t inputs = 0;
  std::vector<std::int64_t> widths{};
};

using Architecture = std::variant<Transformer, ConvolutionalNetwork, DiffusionUnet,
                                  RecommendationModel, RecurrentNetwork, FeedForward>;

struct Model {
  std::string name;
  std::string description;
  std::string source;
  Architecture architecture;
};

// "transformer", "convolutional", "diffusion_unet", "recommendation", "recurrent", "feed_forward".
std::string_view kind_of(const Model& model);
const std::vector<std::string>& model_kinds();
// An empty architecture of that kind; nothing for no such kind.
std::optional<Architecture> architecture_of_kind(std::string_view kind);

// Fills in what is derived (kv_heads, head_dim, ffn, ...) and checks that the figures can be those
// of a network; sentences begin with the field ("heads is 7, which does not divide ..."). Nothing,
// with errors at `where`, if they cannot.
std::optional<Model> complete(Model model, const base::SourceLocation& where,
                              base::Diagnostics& diagnostics);

}  // namespace windtunnel::models

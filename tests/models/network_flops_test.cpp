// FLOPs of networks against published formulas and figures, and against the kernels they lower to.
#include <gtest/gtest.h>

#include "models/networks/counts.hpp"
#include "models/networks/library.hpp"
#include "models/networks/lowering.hpp"

namespace windtunnel::models {
namespace {

Network network_of(const std::string& name) {
  return build_network(*model_by_name(name));
}

// Narayanan et al. 2021, eq. 3, without recomputation: 72 B s l h^2 (1 + s / 6h + V / 12lh).
TEST(NetworkFlops, OfAGptAreMegatronsFormula) {
  struct Shape {
    const char* name;
    double layers, hidden, vocab;
  };
  for (const Shape& gpt :
       {Shape{"megatron-1.7b", 24, 2304, 51200}, Shape{"megatron-39b", 48, 8192, 51200},
        Shape{"megatron-145b", 80, 12288, 51200}, Shape{"megatron-1t", 128, 25600, 51200}}) {
    const double s = 2048;
    const double expected = 72 * s * gpt.layers * gpt.hidden * gpt.hidden *
                            (1 + s / (6 * gpt.hidden) + gpt.vocab / (12 * gpt.layers * gpt.hidden));
    const double flops = model_flops_per_sample(network_of(gpt.name), 2048).value();
    EXPECT_NEAR(flops / expected, 1.0, 1e-12) << gpt.name;
  }
}

// 6 N a token, but for the tables that are looked up and for attention, 12 l a d s.
TEST(NetworkFlops, AreSixTimesTheMatrixParametersPlusAttention) {
  struct Row {
    const char* name;
    double table, layers, heads_width;  // of the input; heads x head_dim
  };
  for (const Row& row : {Row{"llama3-70b", 128256.0 * 8192, 80, 8192},
                         Row{"llama3.1-405b", 128256.0 * 16384, 126, 16384},
                         Row{"qwen3-32b", 151936.0 * 5120, 64, 8192},
                         Row{"nemotron-4-340b", 256000.0 * 18432, 96, 18432}}) {
    const Network network = network_of(row.name);
    const double s = 4096;
    const double matrices = static_cast<double>(parameters(network)) - row.table;
    const double expected = 6 * matrices + 12 * row.layers * row.heads_width * s;
    const double flops = model_flops_per_token(network, 4096).value();
    EXPECT_NEAR(flops / expected, 1.0, 1e-4) << row.name;  // norms are counted in `matrices`
  }
}

TEST(NetworkFlops, OfExpertsAreThoseOfTheActiveOnes) {
  const Network network = network_of("qwen3-30b-a3b");
  const double table = 151936.0 * 2048;
  const double active = static_cast<double>(active_parameters(network)) - table;
  const double attention = 12.0 * 48 * 4096 * 4096;
  EXPECT_NEAR(model_flops_per_token(network, 4096).value() / (6 * active + attention), 1.0, 1e-3);
}

TEST(NetworkFlops, OfASlidingWindowStopGrowing) {
  const Network network = network_of("mistral-7b");  // every layer sees 4096 tokens
  const double at4k = model_flops_per_token(network, 4096).value();
  const double at32k = model_flops_per_token(network, 32768).value();
  EXPECT_DOUBLE_EQ(at4k, at32k);
  const Network half = network_of("gpt-oss-20b");  // every other layer sees 128
  EXPECT_GT(model_flops_per_token(half, 32768), model_flops_per_token(half, 4096));
}

// Multiply-adds of one image of 224 x 224 (torchvision's tables give these; He et al. 2016, table 1,
// and Simonyan and Zisserman 2015 the same to their digits).
TEST(NetworkFlops, OfVisionModelsAreThePublishedMultiplyAdds) {
  struct Row {
    const char* name;
    double giga;
  };
  for (const Row& row : {Row{"resnet50", 4.09}, Row{"resnet101", 7.80}, Row{"resnet152", 11.51},
                         Row{"vgg16", 15.47}, Row{"vgg19", 19.63}, Row{"alexnet", 0.714},
                         Row{"vit-base", 17.56}, Row{"vit-large", 61.55}, Row{"vit-huge", 167.3}}) {
    const double macs = forward_flops(network_of(row.name), {}).value() / 2e9;
    EXPECT_NEAR(macs / row.giga, 1.0, 0.005) << row.name << ": " << macs;
  }
}

// torchvision's retinanet_resnet50_fpn (91 classes, 800 x 800): 34,014,999 weights, without the
// 53,120 of its frozen batch norms, and 151.54 G multiply-adds.
TEST(NetworkFlops, AndWeightsOfRetinaNetAreTorchvisions) {
  const Model model{.name = "retinanet-resnet50",
                    .description = "",
                    .source = "",
                    .architecture = ConvolutionalNetwork{.family = ConvolutionalFamily::retinanet,
                                                         .stages = {3, 4, 6, 3},
                                                         .image = 800,
                                                         .classes = 91}};
  const Network network = build_network(model);
  EXPECT_EQ(parameters(network), 34'014'999 + 53'120);
  EXPECT_NEAR(forward_flops(network, {}).value() / 2e9, 151.54, 0.01 * 151.54);
}

// Groups: torchvision's resnext50_32x4d has 25,028,904 weights and 4.23 G multiply-adds.
TEST(NetworkFlops, AndWeightsOfResNeXtAreTorchvisions) {
  const Model model{
      .name = "resnext50",
      .description = "",
      .source = "",
      .architecture = ConvolutionalNetwork{.stages = {3, 4, 6, 3}, .groups = 32, .group_width = 4}};
  const Network network = build_network(model);
  EXPECT_EQ(parameters(network), 25'028'904);
  EXPECT_NEAR(forward_flops(network, {}).value() / 2e9, 4.23, 0.01 * 4.23);
}

// The reference of MLPerf's 3D-UNet: 23 convolutions, 5 that double and 22 norms; a cube of 128
// voxels is 947 GFLOP (sum of 2 x taps x channels x voxels over its layers).
TEST(NetworkFlops, OfACubeOfTheVolumeNetworkAreTheSumOfItsLayers) {
  const Network network = network_of("3d-unet");
  int convolutions = 0, norms = 0;
  for (const std::size_t index : network.order) {
    for (const Op& op : network.blocks[index].ops) {
      convolutions += std::holds_alternative<ConvolutionWork>(op.work) ? 1 : 0;
      norms += op.name.ends_with(".norm") ? 1 : 0;
    }
  }
  EXPECT_EQ(convolutions, 23 + 5);
  EXPECT_EQ(norms, 22);
  EXPECT_NEAR(forward_flops(network, {}).value() / 1e9, 947.0, 0.01 * 947.0);
}

// diffusers' AutoencoderKL of Stable Diffusion XL: 49,490,179 weights in the decoder and 20 in the 1x1
// before it. About a twentieth of the 40 evaluations of the UNet.
TEST(NetworkFlops, AndWeightsOfTheImageDecoderAreTheAutoencoders) {
  const auto model = model_by_name("stable-diffusion-xl");
  const Network decoder = image_decoder(std::get<DiffusionUnet>(model->architecture));
  EXPECT_EQ(parameters(decoder), 49'490'199);
  const double unet = 40 * forward_flops(network_of("stable-diffusion-xl"), {}).value();
  EXPECT_NEAR(forward_flops(decoder, {}).value() / unet, 0.045, 0.01);
}

TEST(NetworkFlops, OfTheLengthDoNotMatterForImages) {
  const Network network = network_of("vit-large");
  EXPECT_DOUBLE_EQ(model_flops_per_sample(network, 1).value(),
                   model_flops_per_sample(network, 512).value());
}

LoweringOptions unfused() {
  LoweringOptions options;
  options.software.attention = AttentionKernel::unfused;
  return options;
}

double lowered(const Block& block, const BatchShape& batch, const LoweringOptions& options,
               Pass pass) {
  return flops(lower(block, batch, options, pass)).value();
}

// Unfused attention computes the whole square, as model FLOPs count it.
TEST(NetworkFlops, AreThoseOfTheKernelsOfUnfusedAttention) {
  for (const char* name :
       {"gpt3-175b", "llama3-70b", "bert-large", "gptj-6b", "resnet50", "vit-large", "mixtral-8x7b",
        "deepseek-v3", "dlrm-v2", "t5-3b", "stable-diffusion-xl", "lstm-ptb-large", "alexnet",
        "vgg16", "logistic-mnist"}) {
    const Network network = network_of(name);
    const BatchShape batch{.sequences = 32, .query_tokens = 1024, .encoder_tokens = 512};
    const LoweringOptions options = unfused();
    for (const Block& block : network.blocks) {
      const double forward = forward_flops(block, batch).value();
      double backward = 0;
      for (const Op& op : block.ops) backward += backward_flops(op, batch).value();
      EXPECT_NEAR(lowered(block, batch, options, Pass::forward), forward, 1e-9 * forward)
          << name << " " << block.name;
      const double halves = lowered(block, batch, options, Pass::input_gradient) +
                            lowered(block, batch, options, Pass::weight_gradient);
      // strided gradients are rounded to whole taps
      EXPECT_NEAR(halves, backward, 2e-2 * backward) << name << " " << block.name;
    }
  }
}

TEST(NetworkFlops, OfCausalFusedAttentionAreHalfOfTheSquare) {
  const Network network = network_of("llama3-8b");
  const Block& layer = network.at(1);
  const BatchShape batch{.sequences = 1, .query_tokens = 8192};
  const auto attention = std::find_if(layer.ops.begin(), layer.ops.end(),
                                      [](const Op& op) { return kind_of(op) == "attention"; });
  Kernels fused;
  lower(*attention, batch, {}, Pass::forward, fused);
  EXPECT_NEAR(flops(fused).value() / forward_flops(*attention, batch).value(), 0.5, 1e-3);
}

TEST(NetworkFlops, AreSharedEvenlyByTensorRanks) {
  for (const char* name : {"gpt3-175b", "llama3-70b", "bloom-176b"}) {
    const Network network = network_of(name);
    const BatchShape batch{.sequences = 2, .query_tokens = 2048};
    const Block& layer = network.at(1);
    const double whole = lowered(layer, batch, unfused(), Pass::forward);
    for (const std::int64_t ranks : {2, 4, 8}) {
      LoweringOptions options = unfused();
      options.layout.tensor = ranks;
      EXPECT_NEAR(lowered(layer, batch, options, Pass::forward) * static_cast<double>(ranks), whole,
                  1e-9 * whole)
          << name << " on " << ranks;
    }
  }
}

TEST(NetworkFlops, AreSharedEvenlyByContextRanks) {
  const Network network = network_of("llama3-70b");
  const BatchShape batch{.sequences = 1, .query_tokens = 65536};
  const Block& layer = network.at(1);
  const double whole = lowered(layer, batch, {}, Pass::forward);
  for (const ContextScheme scheme :
       {ContextScheme::ring, ContextScheme::all_gather, ContextScheme::all_to_all}) {
    LoweringOptions options;
    options.layout.context = 8;
    options.layout.context_scheme = scheme;
    // the diagonal: half a token more or less a chunk
    EXPECT_NEAR(lowered(layer, batch, options, Pass::forward) * 8 / whole, 1.0, 1e-3);
  }
}

TEST(NetworkFlops, OfExpertsAreSharedEvenlyByExpertRanks) {
  const Network network = network_of("mixtral-8x7b");
  const BatchShape batch{.sequences = 4, .query_tokens = 4096};
  const Block& layer = network.at(1);
  const double whole = lowered(layer, batch, {}, Pass::forward);
  LoweringOptions options;
  options.layout.expert = 8;  // over data ranks, each with a batch of its own
  EXPECT_NEAR(lowered(layer, batch, options, Pass::forward) / whole, 1.0, 1e-9);
}

}  // namespace
}  // namespace windtunnel::models

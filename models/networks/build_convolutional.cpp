// Convolutional classifiers: ResNet (He et al. 2016, arXiv 1512.03385, bottleneck blocks, stride in
// the 3x3 as in torchvision; ResNeXt, Xie et al. 2017, arXiv 1611.05431, with groups), VGG (Simonyan and Zisserman 2015, arXiv 1409.1556), AlexNet
// (Krizhevsky 2014, arXiv 1404.5997, as in torchvision).
#include <fmt/format.h>

#include <string>
#include <utility>

#include "models/networks/convolution_chain.hpp"

namespace windtunnel::models {
namespace {

constexpr Rows kSample{.basis = RowBasis::sequence};

Biases with_bias() {
  return {.mlp = true};
}

// 1x1 to the inner width, 3x3 (in groups), 1x1 to 4 `width`, and the shortcut (a 1x1 where shapes
// differ).
struct Bottleneck {
  std::int64_t width = 64, inner = 64, stride = 1, groups = 1;
};
void bottleneck(Chain& chain, const Bottleneck& block) {
  const ConvolutionShape input{.in_channels = chain.channels(), .in_side = chain.side()};
  chain.convolution("reduce", {.out_channels = block.inner, .kernel = 1}, {});
  chain.norm("reduce.norm");
  chain.relu("reduce.relu");
  chain.convolution(
      "spatial",
      {.out_channels = block.inner, .kernel = 3, .stride = block.stride, .groups = block.groups},
      {});
  chain.norm("spatial.norm");
  chain.relu("spatial.relu");
  chain.convolution("expand", {.out_channels = 4 * block.width, .kernel = 1}, {});
  chain.norm("expand.norm");
  if (input.in_channels != 4 * block.width || block.stride != 1) {
    ConvolutionShape shortcut = input;
    shortcut.out_channels = 4 * block.width;
    shortcut.stride = block.stride;
    Op op = convolution_op("shortcut", shortcut, {});
    op.saved.clear();  // its input is the one that `reduce` keeps
    chain.ops().push_back(std::move(op));
    chain.norm("shortcut.norm");
  }
  chain.add("residual");
  chain.relu("residual.relu");
}

Network resnet(const ConvolutionalNetwork& net) {
  Network network;
  Chain chain(3, net.image);
  residual_stages(net, chain, network);
  chain.pool("pool", 1);
  chain.linear("classes", chain.channels(), net.classes);
  append(network, chain.block("head", BlockRole::head));
  return network;
}

Network vgg(const ConvolutionalNetwork& net) {
  Network network;
  Chain chain(3, net.image);
  constexpr std::int64_t kWidths[] = {64, 128, 256, 512, 512};
  for (std::size_t stage = 0; stage < net.stages.size(); ++stage) {
    for (std::int64_t i = 0; i < net.stages[stage]; ++i) {
      chain.convolution("convolution", {.out_channels = kWidths[stage], .kernel = 3}, with_bias());
      chain.relu("relu");
      const bool last = i + 1 == net.stages[stage];
      if (last) chain.pool("pool", chain.side() / 2);
      append(network, chain.block(fmt::format("stage {}.{}", stage + 1, i + 1),
                                  stage == 0 && i == 0 ? BlockRole::embedding : BlockRole::layer));
    }
  }
  chain.pool("pool", 7);
  chain.linear("hidden 1", 512 * 7 * 7, 4096);
  chain.linear("hidden 2", 4096, 4096);
  chain.linear("classes", 4096, net.classes);
  append(network, chain.block("head", BlockRole::head));
  return network;
}

Network alexnet(const ConvolutionalNetwork& net) {
  Network network;
  Chain chain(3, net.image);
  struct Step {
    std::int64_t channels, kernel, stride;
    bool pooled;
  };
  constexpr Step kSteps[] = {{64, 11, 4, true},
                             {192, 5, 1, true},
                             {384, 3, 1, false},
                             {256, 3, 1, false},
                             {256, 3, 1, true}};
  for (const Step& step : kSteps) {
    chain.convolution("convolution",
                      {.out_channels = step.channels, .kernel = step.kernel, .stride = step.stride},
                      with_bias());
    chain.relu("relu");
    if (step.pooled) chain.pool("pool", (chain.side() - 3) / 2 + 1);
    append(network, chain.block(fmt::format("layer {}", network.blocks.size() + 1),
                                network.blocks.empty() ? BlockRole::embedding : BlockRole::layer));
  }
  chain.pool("pool", 6);
  chain.linear("hidden 1", 256 * 6 * 6, 4096);
  chain.linear("hidden 2", 4096, 4096);
  chain.linear("classes", 4096, net.classes);
  append(network, chain.block("head", BlockRole::head));
  return network;
}

}  // namespace

void Chain::convolution(const std::string& name, ConvolutionShape shape, Biases biases) {
  shape.in_channels = channels_;
  shape.in_side = side_;
  Op op = convolution_op(name, shape, biases);
  if (first_) std::get<ConvolutionWork>(op.work).input_gradient = false;
  first_ = false;
  ops_.push_back(std::move(op));
  channels_ = shape.out_channels;
  side_ = out_side(shape);
}

void Chain::pool(const std::string& name, std::int64_t to_side) {
  ops_.push_back(map_op(name, MemoryOp::copy, elements(), {1, 1.0}));
  ops_.back().saved.push_back(kept("input", elements(), SavedSplit::replicated));
  side_ = to_side;
}

void Chain::linear(const std::string& name, std::int64_t inputs, std::int64_t outputs) {
  ops_.push_back(linear_op(name, {.inputs = inputs, .outputs = outputs, .bias = true},
                           TensorSplit::replicated, kSample));
}

Block Chain::block(std::string name, BlockRole role) {
  Block out{.name = std::move(name), .role = role, .ops = std::move(ops_)};
  ops_.clear();
  return out;
}

void append(Network& network, Block block) {
  network.blocks.push_back(std::move(block));
  network.order.push_back(network.blocks.size() - 1);
}

std::vector<MapShape> residual_stages(const ConvolutionalNetwork& net, Chain& chain,
                                      Network& network) {
  chain.convolution("stem", {.out_channels = 64, .kernel = 7, .stride = 2}, {});
  chain.norm("stem.norm");
  chain.relu("stem.relu");
  chain.pool("stem.pool", (chain.side() + 1) / 2);
  append(network, chain.block("stem", BlockRole::embedding));
  std::vector<MapShape> maps;
  std::int64_t width = 64;
  for (std::size_t stage = 0; stage < net.stages.size(); ++stage, width *= 2) {
    for (std::int64_t i = 0; i < net.stages[stage]; ++i) {
      bottleneck(chain, {.width = width,
                         .inner = width * net.group_width / 64 * net.groups,
                         .stride = i == 0 && stage > 0 ? 2 : 1,
                         .groups = net.groups});
      Block block = chain.block(fmt::format("stage {}{}", stage + 1, i == 0 ? " entry" : ""),
                                BlockRole::layer);
      if (i >= 2) {  // equal to the one before
        network.order.push_back(network.blocks.size() - 1);
      } else {
        append(network, std::move(block));
      }
    }
    maps.push_back({chain.channels(), chain.side()});
  }
  return maps;
}

// AlexNet's first layer pads its 11x11 kernel by 2, not 5.
std::int64_t out_side(const ConvolutionShape& shape) {
  const std::int64_t padding = shape.kernel == 11 ? 2 : shape.kernel / 2;
  return (shape.in_side + 2 * padding - shape.kernel) / shape.stride + 1;
}

Op convolution_op(std::string name, const ConvolutionShape& shape, Biases biases) {
  const std::int64_t side = out_side(shape);
  const ConvolutionWork work{.in_channels = shape.in_channels,
                             .out_channels = shape.out_channels,
                             .kernel_volume = shape.kernel * shape.kernel,
                             .in_positions = shape.in_side * shape.in_side,
                             .out_positions = side * side,
                             .groups = shape.groups,
                             .bias = biases.mlp};
  Op op{.name = std::move(name), .work = work, .rows = kSample};
  op.parameters.replicated =
      work.in_channels / work.groups * work.out_channels * work.kernel_volume +
      (work.bias ? work.out_channels : 0);
  SavedTensor input = kept("input", static_cast<double>(work.in_channels * work.in_positions),
                           SavedSplit::replicated);
  input.element = SavedElement::gemm_input;
  op.saved.push_back(std::move(input));
  return op;
}

// Batch normalization: statistics, then scaling; backward the same twice over.
Op map_norm_op(std::string name, std::int64_t channels, std::int64_t positions) {
  const double width = static_cast<double>(channels * positions);
  Op op{.name = std::move(name),
        .work = MemoryWork{.op = MemoryOp::layer_norm,
                           .width = width,
                           .forward = {1, 3.0},
                           .backward = {1, 5.0}},
        .rows = kSample};
  op.parameters.replicated = 2 * channels;
  op.saved.push_back(kept("input", width, SavedSplit::replicated));
  return op;
}

Op map_op(std::string name, MemoryOp op, double width, Traffic forward) {
  return {.name = std::move(name),
          .work = MemoryWork{.op = op, .width = width, .forward = forward, .backward = forward},
          .rows = kSample};
}

Network build(const ConvolutionalNetwork& net) {
  const auto made = [&] {
    switch (net.family) {
      case ConvolutionalFamily::resnet:
        return resnet(net);
      case ConvolutionalFamily::vgg:
        return vgg(net);
      case ConvolutionalFamily::alexnet:
        return alexnet(net);
      case ConvolutionalFamily::retinanet:
        return retinanet(net);
      case ConvolutionalFamily::unet3d:
        return volume_unet(net);
    }
    return Network{};
  };
  Network network = made();
  network.sample = SampleKind::image;
  network.evaluations = net.evaluations;
  return network;
}

}  // namespace windtunnel::models

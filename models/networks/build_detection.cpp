// RetinaNet (Lin et al. 2017, arXiv 1708.02002): a residual backbone, a feature pyramid of five maps
// 256 wide (Lin et al. 2017, arXiv 1612.03144; the last two by 3x3 of stride 2), and two towers of
// four 3x3 on each map, one to classes x anchors, one to 4 x anchors. As in torchvision, whose
// counts it meets; MLPerf Inference's is the one on ResNeXt-50 32x4d with 264 classes at 800 x 800.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "models/networks/convolution_chain.hpp"

namespace windtunnel::models {
namespace {

constexpr std::int64_t kPyramid = 256;  // channels of its maps
constexpr std::int64_t kTower = 4;      // convolutions of a head before its last

Op pyramid_convolution(const std::string& name, const MapShape& in, const ConvolutionShape& how) {
  ConvolutionShape shape = how;
  shape.in_channels = in.channels;
  shape.in_side = in.side;
  return convolution_op(name, shape, {.mlp = true});
}

// 1x1 from the stages' maps, each added to the next smaller one's, doubled; then a 3x3.
std::vector<MapShape> pyramid(const std::vector<MapShape>& stages, std::vector<Op>& ops) {
  std::vector<MapShape> maps;
  for (std::size_t level = 1; level < stages.size(); ++level) {
    const MapShape in = stages[level];
    const MapShape out{kPyramid, in.side};
    const std::string name = fmt::format("pyramid {}", level + 2);
    ops.push_back(pyramid_convolution(name + ".lateral", in, {.out_channels = kPyramid}));
    if (level + 1 < stages.size()) {
      const auto elements = static_cast<double>(kPyramid * in.side * in.side);
      ops.push_back(map_op(name + ".sum", MemoryOp::add, elements, {1, 2.25}));
    }
    ops.push_back(
        pyramid_convolution(name + ".output", out, {.out_channels = kPyramid, .kernel = 3}));
    maps.push_back(out);
  }
  for (int extra = 6; extra <= 7; ++extra) {
    const ConvolutionShape halve{.out_channels = kPyramid, .kernel = 3, .stride = 2};
    const MapShape in = maps.back();
    ops.push_back(pyramid_convolution(fmt::format("pyramid {}", extra), in, halve));
    maps.push_back({kPyramid, (in.side + 1) / 2});
  }
  return maps;
}

// Weights are one head's, whichever map it runs on: counted with the first.
void head(const std::string& name, std::int64_t outputs, const std::vector<MapShape>& maps,
          std::vector<Op>& ops) {
  for (std::size_t level = 0; level < maps.size(); ++level) {
    for (std::int64_t i = 0; i <= kTower; ++i) {
      const bool last = i == kTower;
      Op op = pyramid_convolution(fmt::format("{} {}.{}", name, level + 3, i + 1), maps[level],
                                  {.out_channels = last ? outputs : kPyramid, .kernel = 3});
      if (level > 0) op.parameters = {};
      ops.push_back(std::move(op));
      if (last) continue;
      const auto elements = static_cast<double>(kPyramid * maps[level].side * maps[level].side);
      ops.push_back(map_op(name + ".relu", MemoryOp::gelu, elements, {1, 2.0}));
    }
  }
}

}  // namespace

Network retinanet(const ConvolutionalNetwork& net) {
  Network network;
  Chain chain(3, net.image);
  const std::vector<MapShape> stages = residual_stages(net, chain, network);
  Block towers{.name = "pyramid", .role = BlockRole::layer};
  const std::vector<MapShape> maps = pyramid(stages, towers.ops);
  append(network, std::move(towers));
  Block heads{.name = "heads", .role = BlockRole::head};
  head("classes", net.classes * net.anchors, maps, heads.ops);
  head("boxes", 4 * net.anchors, maps, heads.ops);
  double scores = 0;
  for (const MapShape& map : maps) {
    scores += static_cast<double>(net.classes * net.anchors * map.side * map.side);
  }
  // Which scores pass the threshold: all are read; the few that do are sorted and suppressed.
  heads.ops.push_back(map_op("candidates", MemoryOp::copy, scores, {1, 1.0}));
  append(network, std::move(heads));
  return network;
}

}  // namespace windtunnel::models

// 3D-UNet of MLPerf (Cicek et al. 2016, arXiv 1606.06650, in the form of Isensee et al. 2018, arXiv
// 1809.10483): per level two 3x3x3 convolutions, each with an instance norm and a ReLU, the first of
// stride 2 below the top; going up, a 2x2x2 of stride 2 doubles the map and the one of the way down
// is appended. `stages` are the widths of the levels, `image` the edge of the cube that one
// evaluation sees; a scan is covered by `evaluations` cubes that overlap by half.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "models/networks/convolution_chain.hpp"

namespace windtunnel::models {
namespace {

class VolumeBuilder {
 public:
  explicit VolumeBuilder(const ConvolutionalNetwork& net) : net_(net), side_(net.image) {}

  Network build() {
    for (std::size_t level = 0; level < net_.stages.size(); ++level) down(level);
    for (std::size_t level = net_.stages.size() - 1; level-- > 0;) up(level);
    convolve("classes", {.out = net_.classes, .taps = 1, .biased = true});
    const double scores = static_cast<double>(net_.classes * positions());
    // Weighted sums over the cubes that overlap.
    ops_.push_back(map_op("stitch", MemoryOp::add, scores, {1, 3.0}));
    finish("head", BlockRole::head);
    return std::move(network_);
  }

 private:
  struct Layer {
    std::int64_t out = 1, taps = 27;
    std::int64_t side = 0;  // of the output; 0: as the input
    bool biased = false;
  };

  std::int64_t positions() const { return side_ * side_ * side_; }

  void convolve(const std::string& name, const Layer& layer) {
    const std::int64_t before = positions();
    if (layer.side > 0) side_ = layer.side;
    // Each output of a doubling layer has one tap: the eight lie beside each other.
    const bool doubles = positions() > before;
    const ConvolutionWork work{.in_channels = channels_,
                               .out_channels = layer.out,
                               .kernel_volume = doubles ? 1 : layer.taps,
                               .in_positions = before,
                               .out_positions = positions(),
                               .bias = layer.biased};
    Op op{.name = name, .work = work, .rows = {.basis = RowBasis::sequence}};
    op.parameters.replicated = channels_ * layer.out * layer.taps + (layer.biased ? layer.out : 0);
    op.saved.push_back(
        kept("input", static_cast<double>(channels_ * before), SavedSplit::replicated));
    ops_.push_back(std::move(op));
    channels_ = layer.out;
  }

  void convolve_and_norm(const std::string& name, const Layer& layer) {
    convolve(name, layer);
    ops_.push_back(map_norm_op(name + ".norm", channels_, positions()));
    const auto elements = static_cast<double>(channels_ * positions());
    ops_.push_back(map_op(name + ".relu", MemoryOp::gelu, elements, {1, 2.0}));
  }

  void down(std::size_t level) {
    const std::int64_t width = net_.stages[level];
    const std::int64_t side = level == 0 ? side_ : side_ / 2;
    convolve_and_norm("convolution 1", {.out = width, .side = side});
    convolve_and_norm("convolution 2", {.out = width});
    finish(fmt::format("down {}", level + 1), level == 0 ? BlockRole::embedding : BlockRole::layer);
  }

  void up(std::size_t level) {
    const std::int64_t width = net_.stages[level];
    convolve("double", {.out = width, .taps = 8, .side = 2 * side_, .biased = true});
    channels_ += width;  // of the way down
    convolve_and_norm("convolution 1", {.out = width});
    convolve_and_norm("convolution 2", {.out = width});
    finish(fmt::format("up {}", level + 1), BlockRole::layer);
  }

  void finish(std::string name, BlockRole role) {
    append(network_, {.name = std::move(name), .role = role, .ops = std::move(ops_)});
    ops_.clear();
  }

  const ConvolutionalNetwork& net_;
  std::int64_t channels_ = 1, side_;
  std::vector<Op> ops_;
  Network network_;
};

}  // namespace

Network volume_unet(const ConvolutionalNetwork& net) {
  return VolumeBuilder(net).build();
}

}  // namespace windtunnel::models

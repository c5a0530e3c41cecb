// A chain of convolutions that remembers how large its output is, and the networks that are built on
// one. Internal to models/networks.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/networks/op_builders.hpp"

namespace windtunnel::models {

class Chain {
 public:
  Chain(std::int64_t channels, std::int64_t side) : channels_(channels), side_(side) {}

  std::int64_t channels() const { return channels_; }
  std::int64_t side() const { return side_; }
  std::vector<Op>& ops() { return ops_; }

  // shape.in_channels and shape.in_side are the chain's own.
  void convolution(const std::string& name, ConvolutionShape shape, Biases biases);
  void norm(const std::string& name) {
    ops_.push_back(map_norm_op(name, channels_, side_ * side_));
  }
  void relu(const std::string& name) {  // in place: its output is what the next op keeps
    ops_.push_back(map_op(name, MemoryOp::gelu, elements(), {1, 2.0}));
  }
  void pool(const std::string& name, std::int64_t to_side);
  void add(const std::string& name) {
    ops_.push_back(map_op(name, MemoryOp::add, elements(), {1, 3.0}));
  }
  void linear(const std::string& name, std::int64_t inputs, std::int64_t outputs);
  Block block(std::string name, BlockRole role);  // of the ops since the last one

 private:
  double elements() const { return static_cast<double>(channels_ * side_ * side_); }

  std::int64_t channels_, side_;
  bool first_ = true;
  std::vector<Op> ops_;
};

void append(Network& network, Block block);

struct MapShape {
  std::int64_t channels = 0, side = 0;
};
// Stem and residual stages of a ResNet or ResNeXt; the map that each stage ends with.
std::vector<MapShape> residual_stages(const ConvolutionalNetwork& net, Chain& chain,
                                      Network& network);

Network retinanet(const ConvolutionalNetwork& net);
Network volume_unet(const ConvolutionalNetwork& net);

}  // namespace windtunnel::models

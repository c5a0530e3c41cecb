// The ops that networks are put together from, each with its parameters, its traffic and what it
// keeps for the backward pass. Internal to models/networks.
//
// Traffic of a memory-bound op counts elements read and written for each element of its width. The
// fused forms are one kernel a pass, as in Apex, Megatron-LM and Transformer Engine; the unfused
// forms are the chains of PyTorch's eager mode (an element in FP32 counts as two).
#pragma once

#include <string>
#include <vector>

#include "models/networks/model.hpp"
#include "models/networks/network.hpp"

namespace windtunnel::models {

struct LayerPlace {
  std::int64_t index = 0;  // of the layer in its stack, from 0
  Rows rows{};
  AttentionMask mask = AttentionMask::causal;
};

// Column- and row-split layers cross a boundary of their input and output width.
Op linear_op(std::string name, LinearWork work, TensorSplit split, Rows rows);
Op norm_op(std::string name, const Transformer& transformer, std::int64_t width, Rows rows);
Op activation_op(std::string name, MlpKind mlp, std::int64_t ffn, Rows rows);
Op residual_op(std::string name, const Transformer& transformer, Rows rows);
Op rotary_op(std::string name, std::int64_t width, Rows rows);
Op embedding_op(std::string name, EmbeddingWork work, TensorSplit split, Rows rows);

SavedTensor kept(std::string name, double elements, SavedSplit split);

// The attention of a layer, from its norm to the projection of its output.
void add_attention(const Transformer& transformer, const LayerPlace& place, std::vector<Op>& ops);
void add_latent_attention(const Transformer& transformer, const LayerPlace& place,
                          std::vector<Op>& ops);
void add_cross_attention(const Transformer& transformer, std::vector<Op>& ops);
// The scan of a layer, from its input projection to its output projection.
void add_scan(const Transformer& transformer, const LayerPlace& place, std::vector<Op>& ops);
// The MLP of a layer, dense or of experts, without its norm.
void add_mlp(const Transformer& transformer, const LayerPlace& place, std::vector<Op>& ops);
void add_experts(const Transformer& transformer, const LayerPlace& place, std::vector<Op>& ops);

Network build(const Transformer& transformer);
Network build(const ConvolutionalNetwork& network);
Network build(const DiffusionUnet& network);
Network build(const RecommendationModel& network);
Network build(const RecurrentNetwork& network);
Network build(const FeedForward& network);

// Ops of convolutional networks: convolution, normalization of `channels` over `positions`, an
// elementwise op. Positions are per sample.
struct ConvolutionShape {
  std::int64_t in_channels = 1, out_channels = 1;
  std::int64_t kernel = 1, stride = 1;
  std::int64_t in_side = 1;  // height and width of the input
  std::int64_t groups = 1;
};
std::int64_t out_side(const ConvolutionShape& shape);  // padding of kernel / 2
Op convolution_op(std::string name, const ConvolutionShape& shape, Biases biases);
Op map_norm_op(std::string name, std::int64_t channels, std::int64_t positions);
Op map_op(std::string name, MemoryOp op, double width, Traffic forward);

}  // namespace windtunnel::models

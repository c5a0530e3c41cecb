// A network as blocks of ops, in the order a sample passes through them.
//
// Equal layers share one Block; `order` says which block stands where, so that a pipeline can cut
// it anywhere. The first entry is the embedding (role `embedding`), the last the head (role
// `head`): contract.md counts each as one layer when layers are spread over stages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "models/networks/model.hpp"
#include "models/networks/op.hpp"

namespace windtunnel::models {

enum class BlockRole { embedding, encoder_layer, layer, head };

// none: nothing before or in the block is trained, so that it has no backward pass.
enum class GradientFlow { through, none };

struct Block {
  std::string name{};
  BlockRole role = BlockRole::layer;
  std::vector<Op> ops{};
  GradientFlow gradients = GradientFlow::through;
};

// What one sample of a batch is, for the words of results ("tokens/s", "images/s").
enum class SampleKind { sequence, image, row };

struct Network {
  std::string name{};
  SampleKind sample = SampleKind::sequence;
  std::int64_t hidden = 0;             // width between blocks; 0 where it changes
  std::int64_t max_positions = 0;      // 0: no such limit
  std::int64_t evaluations = 1;        // forward passes of one inference sample (diffusion steps)
  std::int64_t shared_parameters = 0;  // of a tied head: counted at the embedding, used at both
  std::vector<Block> blocks{};
  std::vector<std::size_t> order{};  // indices into blocks

  const Block& at(std::size_t position) const { return blocks[order[position]]; }
};

// Pre: the model has passed complete(). O(layers).
Network build_network(const Model& model);
// What turns the latent image of a diffusion model into pixels, once an image; not a part of the
// network above, which is what is trained.
Network image_decoder(const DiffusionUnet& unet);

std::string_view to_text(BlockRole role);
std::string_view to_text(SampleKind sample);

}  // namespace windtunnel::models

// A network of which only a part is trained: its last layers, or low-rank adapters beside frozen
// matrices.
//
// Adapters (Hu et al. 2021, LoRA, arXiv 2106.09685): y = x W + s (x A) B with A of k x r and B of
// r x n. W is frozen: it has no gradient of its own, no optimizer state and no product for it, but
// the gradient of its input is still needed. A and B are two small GEMMs a pass and what they add
// two kernels: scaling by s, and the sum with y (backward: with the gradient of x); PEFT runs them
// so. Fused matrices (query, key, value; gate, up) have adapters for each named part. With tensor
// parallelism A is split as W is and its r outputs are exchanged (NeMo's ParallelLinearAdapter),
// B is split where W's outputs are. Experts have none.
// Quantized bases (Dettmers et al. 2023, QLoRA, arXiv 2305.14314): frozen matrices of the layers
// are stored narrower (nf4: 4 bits, and 0.127 bits of doubly quantized scales; int8: 1 byte, scales
// left out) and turned into the training's format before each product, forward and backward.
// Activations: the input of a frozen matrix is kept only where an adapter or, for the output of
// fused attention, another op's backward pass needs it. Blocks before the first trained one have no
// backward pass and keep nothing. In the first trained layer the whole backward pass is counted.
// Norms, embeddings and the head are frozen with adapters; the head is trained with last layers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/networks/network.hpp"

namespace windtunnel::models {

enum class FineTuningMethod { full, lora, last_layers };
enum class AdapterTarget { query, key, value, output, gate, up, down };
enum class BaseFormat { same, int8, nf4 };

struct FineTuning {
  FineTuningMethod method = FineTuningMethod::full;
  std::int64_t rank = 16;                                                          // lora
  std::vector<AdapterTarget> targets{AdapterTarget::query, AdapterTarget::value};  // lora
  std::int64_t layers = 0;             // the last ones, trained or with adapters; 0: all
  BaseFormat base = BaseFormat::same;  // of the frozen matrices of layers
};

// Why this network cannot be tuned so, in one sentence with the numbers.
std::optional<std::string> fine_tuning_infeasible(const Network& network, const FineTuning& tuning);
// Pre: fine_tuning_infeasible() has nothing to say.
Network fine_tuned(const Network& network, const FineTuning& tuning);

std::string_view to_text(AdapterTarget target);
// Stored bytes of one weight; 0: as the training stores its weights.
double bytes_of(BaseFormat format);

}  // namespace windtunnel::models

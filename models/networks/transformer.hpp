// What a transformer is, as its configuration file or paper states it: decoders, encoders,
// encoder-decoders and vision encoders, dense or with a mixture of experts. Numbers only; what
// follows from them (parameters, FLOPs, bytes, kernels) is built by build_network().
//
// Counts are int64; 0 means "not there" or, where a comment says so, "derived": complete() in
// model.hpp fills derived values in and checks the rest.
#pragma once

#include <cstdint>

namespace windtunnel::models {

// vision: an encoder over the patches of an image, with a classifier.
enum class TransformerRole { decoder, encoder, encoder_decoder, vision };
enum class PositionKind { learned, rotary, alibi, relative, none };
enum class NormKind { layer_norm, rms_norm };
// gated: down(act(gate(x)) * up(x)), three matrices; plain: down(act(up(x))), two.
enum class MlpKind { gated, plain };
// parallel: attention and MLP read the same input and are added together (GPT-J, Falcon).
enum class ResidualKind { sequential, parallel };

// The MLP of a layer as experts, of which each token visits top_k.
struct MixtureOfExperts {
  std::int64_t experts = 0;  // 0: dense
  std::int64_t top_k = 0;
  std::int64_t ffn = 0;                 // width of one expert; 0: the model's ffn
  std::int64_t shared_ffn = 0;          // width of all shared experts together
  std::int64_t first_dense_layers = 0;  // layers before the first with experts
  std::int64_t every = 1;               // then layer i (from 0) has experts where every | i + 1
  bool router_bias = false;
  bool expert_bias = false;
  bool shared_gate = false;  // a sigmoid gate on the shared experts (Qwen2-MoE)
  std::int64_t latent = 0;   // width the routed experts work in, between two projections; 0: hidden
};

// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1): keys and values come
// from one latent of width kv_lora, queries from one of width q_lora; rope_dim of a query's and
// key's dimensions carry the position, shared by all heads of the key.
struct LatentAttention {
  std::int64_t q_lora = 0;   // 0: queries straight from the hidden state
  std::int64_t kv_lora = 0;  // 0: ordinary attention
  std::int64_t rope_dim = 0;
  std::int64_t nope_dim = 0;
  std::int64_t value_dim = 0;
};

// Attention to the last `window` tokens only; every `full_every`-th layer sees everything.
struct SlidingWindow {
  std::int64_t window = 0;      // 0: none
  std::int64_t full_every = 0;  // 0: no layer is full
};

// Layers that mix tokens by a scan over the sequence instead of softmax attention; the state of a
// sequence has one size whatever its length. mamba2: Dao and Gu 2024, arXiv 2405.21060; gated_delta:
// Yang et al. 2024, arXiv 2412.06464 (Qwen3-Next, Qwen3.5).
// Where attention_layers or mlp_layers is above 0 (Nemotron-H, arXiv 2504.03624), a layer is one of
// attention, MLP (or experts) and scan alone, with its own norm: so many are attention and MLPs,
// spread evenly, the rest scans. Else each layer is a mixer and an MLP, and every full_every-th
// keeps attention.
enum class ScanKind { mamba2, gated_delta };
struct ScanMixer {
  std::int64_t heads = 0;     // of values; 0: no scan
  std::int64_t groups = 1;    // of keys and queries (Mamba's B and C)
  std::int64_t head_dim = 0;  // of a value head
  std::int64_t state = 0;     // width of a key
  std::int64_t convolution = 4;
  ScanKind kind = ScanKind::mamba2;
  std::int64_t full_every = 0;
  std::int64_t attention_layers = 0, mlp_layers = 0;
};

// The image a vision encoder reads.
struct ImagePatches {
  std::int64_t image = 224;
  std::int64_t patch = 16;
  std::int64_t channels = 3;
  std::int64_t classes = 1000;
};

struct Biases {
  bool qkv = false;
  bool attention_output = false;
  bool mlp = false;
  bool norm = false;
  bool head = false;
};

struct Transformer {
  TransformerRole role = TransformerRole::decoder;
  std::int64_t layers = 0;
  std::int64_t decoder_layers = 0;  // encoder-decoder: layers of the decoder; 0: as many
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // 0: as many as heads
  std::int64_t head_dim = 0;  // 0: hidden / heads
  std::int64_t ffn = 0;       // 0: 4 hidden
  std::int64_t vocab = 0;
  std::int64_t max_positions = 2048;
  std::int64_t position_table = 0;   // rows of the learned table; 0: max_positions
  std::int64_t embedding_width = 0;  // where it differs from hidden (OPT-350M); 0: hidden
  std::int64_t token_types = 0;      // BERT
  std::int64_t mtp_layers = 0;       // multi-token prediction (DeepSeek-V3): further layers
  std::int64_t attention_sinks = 0;  // learned logits a head (GPT-OSS)
  double dropout = 0.0;              // in training, on attention weights and residuals
  MlpKind mlp = MlpKind::plain;
  PositionKind positions = PositionKind::learned;
  NormKind norm = NormKind::layer_norm;
  ResidualKind residual = ResidualKind::sequential;
  bool tied_embeddings = false;
  bool embedding_norm = false;  // BLOOM, BERT
  bool final_norm = true;
  bool attention_gate = false;    // the output is gated by a projection of the input (Qwen3-Next)
  bool qk_norm = false;           // on each head of queries and keys (Qwen3)
  bool sandwich_norms = false;    // a norm behind attention and MLP too (Gemma 2, Grok-1)
  bool separate_mlp_norm = true;  // parallel residual: a norm of its own for the MLP
  bool pooler = false;            // encoder: dense layer on the first token (BERT)
  bool masked_lm_head = false;    // encoder: transform and decoder over the vocabulary (BERT)
  Biases biases{};
  MixtureOfExperts moe{};
  LatentAttention mla{};
  SlidingWindow sliding{};
  ScanMixer scan{};
  ImagePatches patches{};  // vision
};

// Whether the MLP of layer `index` (from 0) is experts, and the window of its attention (0: full).
bool has_experts(const Transformer& transformer, std::int64_t index);
// What layer `index` is made of.
struct LayerParts {
  bool attention = true, scan = false, mlp = true;
};
LayerParts parts_of_layer(const Transformer& transformer, std::int64_t index);
std::int64_t window_of_layer(const Transformer& transformer, std::int64_t index);

}  // namespace windtunnel::models

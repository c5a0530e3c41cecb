// One operation of a network: its work as a function of tokens, samples and lengths, its
// parameters, what it keeps for the backward pass, and how tensor parallelism splits it.
//
// Shapes are of the whole operation; lowering.hpp turns an op into kernels of one device, and
// counts.hpp into FLOPs and bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "models/kernels/kernel_query.hpp"
#include "models/networks/recompute_modules.hpp"

namespace windtunnel::models {

// What an op is repeated over. `token`: every token of the main stream; `encoder_token`: of the
// encoder's; `loss_token`: every token in training, the last of each sequence in inference;
// `sequence`: once a sample. Times `per`: the patches of an image, the positions of a feature map.
enum class RowBasis { token, encoder_token, loss_token, sequence };
struct Rows {
  RowBasis basis = RowBasis::token;
  std::int64_t per = 1;
};

// How tensor parallelism splits an op (Shoeybi et al. 2019, arXiv 1909.08053, section 3).
// column: outputs; row: inputs, partial sums are added up; heads: attention heads; vocabulary: rows
// of an embedding or outputs of the head; experts: by expert parallelism; replicated: not at all.
enum class TensorSplit { replicated, column, row, heads, vocabulary, experts };

// Where a tensor-parallel region begins and ends: `enter` before a column-split op (identity
// forward, all-reduce backward; with sequence parallelism all-gather, reduce-scatter), `leave`
// after a row-split one (the reverse). Korthikanti et al. 2022, arXiv 2205.05198, section 4.2.
enum class Boundary { none, enter, leave };

// y = x W (+ b). kv_outputs of the outputs are keys and values of kv_heads heads, which cannot be
// split further than kv_heads ways. pieces: GEMMs it is without fused projections (q, k, v: 3;
// gate and up: 2).
struct LinearWork {
  std::int64_t inputs = 1, outputs = 1;
  std::int64_t kv_outputs = 0, kv_heads = 0;
  std::int64_t pieces = 1;
  bool bias = false;
  bool input_gradient = true;  // false: the first layer, whose input is data
  bool head = false;           // classifier over the vocabulary, router: Formats::head
  bool absorbed = false;       // latent attention: not run in decode, on all keys in prefill
};

// kv_lora > 0: latent attention, whose decode runs on the latent (kv_lora + rope_dim wide, one key
// head), with two small products a head to absorb the up-projections (width nope_dim, value_dim).
// fixed_query, fixed_keys > 0: lengths that do not come from the batch (patches, feature maps).
enum class AttentionSource { self, encoder, cross };
struct AttentionWork {
  std::int64_t heads = 1, kv_heads = 1;
  std::int64_t head_dim = 64, value_dim = 64;
  AttentionMask mask = AttentionMask::causal;
  AttentionSource source = AttentionSource::self;
  std::int64_t window = 0;
  std::int64_t fixed_query = 0, fixed_keys = 0;
  std::int64_t kv_lora = 0, rope_dim = 0, nope_dim = 0;
  double dropout = 0.0;
};

enum class ExpertBias { none, each };  // each matrix of an expert has one
struct MoeWork {
  std::int64_t hidden = 1, intermediate = 1;
  std::int64_t experts = 1, top_k = 1;
  ExpertMlp mlp = ExpertMlp::gated;
  ExpertBias bias = ExpertBias::none;
};

// Which option of Software decides between the fused and the unfused form.
enum class Fusion { always, norm, rotary, activation, residual, cross_entropy };
// Memory traffic of one pass: kernels, and elements read and written for each element of `width`.
struct Traffic {
  std::int64_t kernels = 1;
  double elements = 0;
};
struct MemoryWork {
  MemoryOp op = MemoryOp::copy;
  double width = 1;
  Fusion fusion = Fusion::always;
  Traffic forward{}, backward{};
  Traffic unfused_forward{}, unfused_backward{};  // kernels 0: as the fused form
};

// `lookups` rows of a table of `rows` x `width` for each row of the op.
struct EmbeddingWork {
  std::int64_t rows = 1, width = 1;
  std::int64_t lookups = 1;
};

// A convolution as an implicit GEMM: out_positions x out_channels x (in_channels / groups *
// kernel_volume), per sample.
struct ConvolutionWork {
  std::int64_t in_channels = 1, out_channels = 1;
  std::int64_t kernel_volume = 1;
  std::int64_t in_positions = 1, out_positions = 1;
  std::int64_t groups = 1;
  bool bias = false;
  bool input_gradient = true;
};

// `batch` products of m x k by k x n without parameters, per row (the interaction of a DLRM).
struct ProductWork {
  std::int64_t m = 1, n = 1, k = 1, batch = 1;
};

// One LSTM layer: the input GEMM runs over all steps at once, the recurrent one step by step.
struct RecurrentWork {
  std::int64_t inputs = 1, hidden = 1;
  std::int64_t gates = 4;
};

// A scan over the sequence with a state of head_dim x state a head (state-space dual, gated delta
// rule). Prompts and training run it in chunks of `chunk` tokens as products: queries by keys,
// scores by values, keys by values into the chunk's state, queries by the state before it; the delta
// rule solves for its corrected values first. Decode reads and writes the FP32 state.
enum class ScanRule { plain, delta };
struct ScanWork {
  std::int64_t heads = 1, groups = 1;
  std::int64_t head_dim = 64, state = 128;
  std::int64_t chunk = 128;
  ScanRule rule = ScanRule::plain;
};

using Work = std::variant<LinearWork, AttentionWork, MoeWork, MemoryWork, EmbeddingWork,
                          ConvolutionWork, ProductWork, RecurrentWork, ScanWork>;

// What an op keeps for its backward pass. `pair`: elements for each (head, query, key); `row`: for
// each of the op's rows. `tensor`: divided by the tensor ranks (at most `split_limit` ways, where
// that is not 0: keys and values); `sequence`: only under sequence parallelism; `expert_tokens`: as
// the tokens that reach a rank's experts.
enum class SavedElement { activation, gemm_input, fp32, byte };
enum class SavedExtent { row, pair };
enum class SavedSplit { tensor, sequence, expert_tokens, replicated };
enum class SavedIf {
  always,
  dropout,
  unfused_attention,
  unfused_attention_dropout,
  fused_attention,
  unfused_activation,
  narrow_gemm,  // GEMM operands are narrower than activations, so that both are kept
  fused_cross_entropy,
  unfused_cross_entropy,
};
// What recomputation drops: `attention_core` (softmax, its dropout) by selective; everything but
// `layer_input` by full. Where it names modules (activation_memory.hpp): what attention was given by
// up-projections (`attention_input`) and gave (`attention_output`), what a norm gave the part behind
// it (`normed`), what the activation of experts gave (`expert_activation`).
enum class SavedScope {
  ordinary,
  attention_core,
  layer_input,
  attention_input,
  attention_output,
  normed,
  expert_activation
};
struct SavedTensor {
  std::string name;
  double elements = 0;
  SavedElement element = SavedElement::activation;
  SavedSplit split = SavedSplit::tensor;
  SavedExtent extent = SavedExtent::row;
  SavedIf condition = SavedIf::always;
  SavedScope scope = SavedScope::ordinary;
  std::int64_t split_limit = 0;
};

// Parameters by how they are divided: `tensor` by the tensor ranks, `kv` by at most kv_heads of
// them, `expert` by expert and expert-tensor ranks, `replicated` not at all.
struct ParameterCount {
  std::int64_t tensor = 0, kv = 0, expert = 0, replicated = 0;
  std::int64_t kv_heads = 1;
  std::int64_t total() const { return tensor + kv + expert + replicated; }
};

// Fine-tuning (fine_tuning.hpp): a frozen op has no gradient of its parameters. An adapter beside it
// still needs its input, which under sequence parallelism is gathered again for the backward pass.
enum class Learning { trained, frozen };
enum class Adapted { no, yes };

struct Op {
  std::string name;
  Work work;
  Rows rows{};
  TensorSplit split = TensorSplit::replicated;
  Boundary boundary = Boundary::none;
  std::int64_t boundary_width = 0;  // elements a row that cross it
  ParameterCount parameters{};
  double active_share = 1.0;  // of the parameters that a token uses (experts: top_k / experts)
  std::vector<SavedTensor> saved{};
  Learning learning = Learning::trained;
  Adapted adapted = Adapted::no;
  double stored_bytes = 0.0;                // of a quantized weight; 0: as the job stores weights
  std::optional<RecomputeModule> module{};  // that runs it again
};

// "gemm", "attention", "moe", "memory", "embedding", "convolution", "recurrent", "scan".
std::string_view kind_of(const Op& op);
std::string_view to_text(TensorSplit split);

}  // namespace windtunnel::models

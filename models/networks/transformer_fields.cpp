#include "models/networks/field_binding.hpp"

namespace windtunnel::models {
namespace {

#define WINDTUNNEL_MEMBER(path) \
  [](auto& t) -> auto& {        \
    return t.path;              \
  }

template <class Member>
ModelField row(Member member, ModelField field) {
  return tied<Transformer>(member, std::move(field));
}

std::vector<ModelField> size_fields() {
  return {
      row(WINDTUNNEL_MEMBER(layers),
          {.name = "layers", .minimum = 1, .required = true, .doc = "number of layers"}),
      row(WINDTUNNEL_MEMBER(decoder_layers),
          {.name = "decoder_layers", .doc = "encoder_decoder: of the decoder; 0: as many"}),
      row(WINDTUNNEL_MEMBER(hidden),
          {.name = "hidden", .minimum = 1, .required = true, .doc = "width between layers"}),
      row(WINDTUNNEL_MEMBER(heads),
          {.name = "heads", .minimum = 1, .required = true, .doc = "attention heads"}),
      row(WINDTUNNEL_MEMBER(kv_heads),
          {.name = "kv_heads", .doc = "heads of keys and values; 0: as many as heads"}),
      row(WINDTUNNEL_MEMBER(head_dim), {.name = "head_dim", .doc = "0: hidden / heads"}),
      row(WINDTUNNEL_MEMBER(ffn), {.name = "ffn", .doc = "width of the MLP; 0: 4 hidden"}),
      row(WINDTUNNEL_MEMBER(vocab), {.name = "vocab", .doc = "size of the vocabulary"}),
      row(WINDTUNNEL_MEMBER(max_positions),
          {.name = "max_positions", .minimum = 1, .doc = "longest sequence"}),
      row(WINDTUNNEL_MEMBER(position_table),
          {.name = "position_table",
           .doc = "rows of the table of learned positions; 0: max_positions"}),
      row(WINDTUNNEL_MEMBER(embedding_width),
          {.name = "embedding_width", .doc = "of the token table; 0: hidden"}),
      row(WINDTUNNEL_MEMBER(token_types), {.name = "token_types", .doc = "segments (BERT)"}),
      row(WINDTUNNEL_MEMBER(mtp_layers),
          {.name = "mtp_layers", .doc = "layers that predict further tokens (DeepSeek-V3)"}),
      row(WINDTUNNEL_MEMBER(attention_sinks),
          {.name = "attention_sinks", .doc = "learned logits a head (GPT-OSS: 1)"}),
      row(WINDTUNNEL_MEMBER(dropout),
          {.name = "dropout", .maximum = 0.99, .doc = "in training; decides what is kept"}),
  };
}

std::vector<ModelField> form_fields() {
  return {
      tied_choice<Transformer>(
          WINDTUNNEL_MEMBER(role),
          FieldWords<TransformerRole>{
              {TransformerRole::decoder, {"decoder", "causal language model"}},
              {TransformerRole::encoder, {"encoder", "sees both ways (BERT)"}},
              {TransformerRole::encoder_decoder, {"encoder_decoder", "T5"}},
              {TransformerRole::vision, {"vision", "encoder over image patches (ViT)"}}},
          {.name = "role", .doc = "what the layers are"}),
      tied_choice<Transformer>(
          WINDTUNNEL_MEMBER(mlp),
          FieldWords<MlpKind>{{MlpKind::plain, {"plain", "up and down"}},
                              {MlpKind::gated, {"gated", "gate, up and down (SwiGLU, GeGLU)"}}},
          {.name = "mlp", .doc = "matrices of the MLP"}),
      tied_choice<Transformer>(
          WINDTUNNEL_MEMBER(positions),
          FieldWords<PositionKind>{
              {PositionKind::learned, {"learned", "a table"}},
              {PositionKind::rotary, {"rotary", "rotation of queries and keys"}},
              {PositionKind::alibi, {"alibi", "a bias by distance"}},
              {PositionKind::relative, {"relative", "a learned bias by distance (T5)"}},
              {PositionKind::none, {"none", ""}}},
          {.name = "positions", .doc = "how positions enter"}),
      tied_choice<Transformer>(WINDTUNNEL_MEMBER(norm),
                               FieldWords<NormKind>{{NormKind::layer_norm, {"layer_norm", ""}},
                                                    {NormKind::rms_norm, {"rms_norm", ""}}},
                               {.name = "norm", .doc = "kind of normalization"}),
      tied_choice<Transformer>(
          WINDTUNNEL_MEMBER(residual),
          FieldWords<ResidualKind>{
              {ResidualKind::sequential, {"sequential", "attention, then MLP"}},
              {ResidualKind::parallel, {"parallel", "both on the same input (GPT-J, Falcon)"}}},
          {.name = "residual", .doc = "how attention and MLP are joined"}),
  };
}

std::vector<ModelField> flag_fields() {
  return {
      row(WINDTUNNEL_MEMBER(tied_embeddings),
          {.name = "tied_embeddings", .doc = "the head uses the table of tokens"}),
      row(WINDTUNNEL_MEMBER(embedding_norm),
          {.name = "embedding_norm", .doc = "a norm behind the embedding (BLOOM, BERT)"}),
      row(WINDTUNNEL_MEMBER(final_norm), {.name = "final_norm", .doc = "a norm before the head"}),
      row(WINDTUNNEL_MEMBER(attention_gate),
          {.name = "attention_gate", .doc = "attention's output is gated (Qwen3-Next)"}),
      row(WINDTUNNEL_MEMBER(qk_norm),
          {.name = "qk_norm", .doc = "a norm on each query and key (Qwen3)"}),
      row(WINDTUNNEL_MEMBER(sandwich_norms),
          {.name = "sandwich_norms", .doc = "norms behind attention and MLP too (Gemma 2)"}),
      row(WINDTUNNEL_MEMBER(separate_mlp_norm),
          {.name = "separate_mlp_norm", .doc = "parallel residual: the MLP has its own norm"}),
      row(WINDTUNNEL_MEMBER(pooler), {.name = "pooler", .doc = "encoder: dense layer (BERT)"}),
      row(WINDTUNNEL_MEMBER(masked_lm_head),
          {.name = "masked_lm_head", .doc = "encoder: head over the vocabulary (BERT)"}),
      row(WINDTUNNEL_MEMBER(biases.qkv),
          {.name = "biases.qkv", .doc = "of queries, keys and values"}),
      row(WINDTUNNEL_MEMBER(biases.attention_output),
          {.name = "biases.attention_output", .doc = "of attention's output projection"}),
      row(WINDTUNNEL_MEMBER(biases.mlp), {.name = "biases.mlp", .doc = "of the MLP"}),
      row(WINDTUNNEL_MEMBER(biases.norm), {.name = "biases.norm", .doc = "of layer norms"}),
      row(WINDTUNNEL_MEMBER(biases.head), {.name = "biases.head", .doc = "of the head"}),
  };
}

std::vector<ModelField> expert_fields() {
  return {
      row(WINDTUNNEL_MEMBER(moe.experts), {.name = "moe.experts", .doc = "0: dense"}),
      row(WINDTUNNEL_MEMBER(moe.top_k), {.name = "moe.top_k", .doc = "experts a token visits"}),
      row(WINDTUNNEL_MEMBER(moe.ffn), {.name = "moe.ffn", .doc = "width of an expert; 0: ffn"}),
      row(WINDTUNNEL_MEMBER(moe.shared_ffn),
          {.name = "moe.shared_ffn", .doc = "width of the shared experts together"}),
      row(WINDTUNNEL_MEMBER(moe.first_dense_layers),
          {.name = "moe.first_dense_layers", .doc = "layers before the first with experts"}),
      row(WINDTUNNEL_MEMBER(moe.every),
          {.name = "moe.every", .minimum = 1, .doc = "every n-th layer has experts"}),
      row(WINDTUNNEL_MEMBER(moe.router_bias),
          {.name = "moe.router_bias", .doc = "a bias an expert in the router"}),
      row(WINDTUNNEL_MEMBER(moe.expert_bias),
          {.name = "moe.expert_bias", .doc = "biases in the experts (GPT-OSS)"}),
      row(WINDTUNNEL_MEMBER(moe.latent),
          {.name = "moe.latent", .doc = "width that routed experts work in; 0: hidden"}),
      row(WINDTUNNEL_MEMBER(moe.shared_gate),
          {.name = "moe.shared_gate", .doc = "a gate on the shared experts (Qwen2-MoE)"}),
  };
}

std::vector<ModelField> attention_fields() {
  return {
      row(WINDTUNNEL_MEMBER(mla.q_lora), {.name = "mla.q_lora", .doc = "rank of queries; 0: full"}),
      row(WINDTUNNEL_MEMBER(mla.kv_lora),
          {.name = "mla.kv_lora", .doc = "rank of keys and values; 0: no latent attention"}),
      row(WINDTUNNEL_MEMBER(mla.rope_dim),
          {.name = "mla.rope_dim", .doc = "dimensions with position"}),
      row(WINDTUNNEL_MEMBER(mla.nope_dim),
          {.name = "mla.nope_dim", .doc = "dimensions of a head without position"}),
      row(WINDTUNNEL_MEMBER(mla.value_dim), {.name = "mla.value_dim", .doc = "0: nope_dim"}),
      row(WINDTUNNEL_MEMBER(sliding.window),
          {.name = "sliding.window", .doc = "tokens a windowed layer sees; 0: none"}),
      row(WINDTUNNEL_MEMBER(sliding.full_every),
          {.name = "sliding.full_every", .doc = "every n-th layer sees all; 0: none does"}),
      row(WINDTUNNEL_MEMBER(patches.image),
          {.name = "vision.image", .minimum = 1, .doc = "height and width in pixels"}),
      row(WINDTUNNEL_MEMBER(patches.patch),
          {.name = "vision.patch", .minimum = 1, .doc = "height and width of a patch"}),
      row(WINDTUNNEL_MEMBER(patches.channels),
          {.name = "vision.channels", .minimum = 1, .doc = "colours"}),
      row(WINDTUNNEL_MEMBER(patches.classes),
          {.name = "vision.classes", .minimum = 1, .doc = "outputs of the classifier"}),
  };
}

std::vector<ModelField> scan_fields() {
  return {
      tied_choice<Transformer>(
          WINDTUNNEL_MEMBER(scan.kind),
          FieldWords<ScanKind>{{ScanKind::mamba2, {"mamba2", "state-space dual (Nemotron-H)"}},
                               {ScanKind::gated_delta, {"gated_delta", "Qwen3-Next, Qwen3.5"}}},
          {.name = "scan.kind", .doc = "how a layer mixes tokens without attention"}),
      row(WINDTUNNEL_MEMBER(scan.heads), {.name = "scan.heads", .doc = "of values; 0: no scan"}),
      row(WINDTUNNEL_MEMBER(scan.groups),
          {.name = "scan.groups", .minimum = 1, .doc = "groups of heads that share keys"}),
      row(WINDTUNNEL_MEMBER(scan.head_dim),
          {.name = "scan.head_dim", .doc = "width of a value head; 0: hidden / scan.heads"}),
      row(WINDTUNNEL_MEMBER(scan.state), {.name = "scan.state", .doc = "width of a key"}),
      row(WINDTUNNEL_MEMBER(scan.convolution),
          {.name = "scan.convolution", .doc = "taps of the convolution before the scan"}),
      row(WINDTUNNEL_MEMBER(scan.full_every),
          {.name = "scan.full_every", .doc = "every n-th layer keeps attention; 0: none does"}),
      row(WINDTUNNEL_MEMBER(scan.attention_layers),
          {.name = "scan.attention_layers",
           .doc = "layers that are attention alone, the others scans or MLPs (Nemotron-H)"}),
      row(WINDTUNNEL_MEMBER(scan.mlp_layers),
          {.name = "scan.mlp_layers", .doc = "layers that are an MLP or experts alone"}),
  };
}

#undef WINDTUNNEL_MEMBER

}  // namespace

std::vector<ModelField> transformer_fields() {
  std::vector<ModelField> all;
  for (auto* fields :
       {size_fields, form_fields, flag_fields, expert_fields, attention_fields, scan_fields}) {
    for (ModelField& field : fields()) all.push_back(std::move(field));
  }
  return all;
}

}  // namespace windtunnel::models

#include "models/networks/model_fields.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/networks/field_binding.hpp"

namespace windtunnel::models {
namespace {

#define WINDTUNNEL_MEMBER(path) \
  [](auto& t) -> auto& {        \
    return t.path;              \
  }

std::vector<ModelField> convolutional_fields() {
  using C = ConvolutionalNetwork;
  return {
      tied_choice<C>(WINDTUNNEL_MEMBER(family),
                     FieldWords<ConvolutionalFamily>{
                         {ConvolutionalFamily::resnet, {"resnet", "bottleneck blocks"}},
                         {ConvolutionalFamily::vgg, {"vgg", "3x3 convolutions"}},
                         {ConvolutionalFamily::alexnet, {"alexnet", "five convolutions"}},
                         {ConvolutionalFamily::retinanet, {"retinanet", "detector, residual"}},
                         {ConvolutionalFamily::unet3d, {"unet3d", "segmentation of cubes"}}},
                     {.name = "family", .doc = "what the stages are made of"}),
      tied<C>(WINDTUNNEL_MEMBER(stages),
              {.name = "stages",
               .minimum = 1,
               .doc = "blocks (VGG: convolutions; 3D-UNet: channels) a stage; default: ResNet-50, "
                      "VGG-16, MLPerf's 3D-UNet"}),
      tied<C>(WINDTUNNEL_MEMBER(image),
              {.name = "image", .minimum = 32, .doc = "edge of the input in pixels"}),
      tied<C>(WINDTUNNEL_MEMBER(classes),
              {.name = "classes", .minimum = 1, .doc = "outputs of the classifier"}),
      tied<C>(WINDTUNNEL_MEMBER(groups),
              {.name = "groups", .minimum = 1, .doc = "of the 3x3 of a bottleneck (ResNeXt)"}),
      tied<C>(WINDTUNNEL_MEMBER(group_width),
              {.name = "group_width", .minimum = 1, .doc = "channels a group, first stage"}),
      tied<C>(WINDTUNNEL_MEMBER(anchors),
              {.name = "anchors", .minimum = 1, .doc = "boxes a position of a detector"}),
      tied<C>(
          WINDTUNNEL_MEMBER(evaluations),
          {.name = "evaluations",
           .minimum = 1,
           .doc = "of the network for one sample: steps (twice with guidance), cubes of a scan"}),
  };
}

std::vector<ModelField> unet_fields() {
  using U = DiffusionUnet;
  return {
      tied<U>(WINDTUNNEL_MEMBER(latent),
              {.name = "latent", .minimum = 8, .doc = "height and width of the latent image"}),
      tied<U>(WINDTUNNEL_MEMBER(latent_channels),
              {.name = "latent_channels", .minimum = 1, .doc = "of the latent image"}),
      tied<U>(WINDTUNNEL_MEMBER(channels),
              {.name = "channels", .minimum = 32, .doc = "width of the first level"}),
      tied<U>(WINDTUNNEL_MEMBER(multipliers),
              {.name = "multipliers", .minimum = 1, .doc = "width of each level in channels"}),
      tied<U>(WINDTUNNEL_MEMBER(transformer_depth),
              {.name = "transformer_depth", .doc = "transformer blocks of each level"}),
      tied<U>(WINDTUNNEL_MEMBER(residual_blocks),
              {.name = "residual_blocks", .minimum = 1, .doc = "of each level"}),
      tied<U>(WINDTUNNEL_MEMBER(head_dim),
              {.name = "attention_head_dim", .minimum = 1, .doc = "of its attention"}),
      tied<U>(WINDTUNNEL_MEMBER(context_width),
              {.name = "context_width", .minimum = 1, .doc = "of the text's tokens"}),
      tied<U>(WINDTUNNEL_MEMBER(context_tokens),
              {.name = "context_tokens", .minimum = 1, .doc = "tokens of the text"}),
      tied<U>(WINDTUNNEL_MEMBER(conditioning),
              {.name = "conditioning", .minimum = 1, .doc = "width of the added embedding"}),
      tied<U>(
          WINDTUNNEL_MEMBER(evaluations),
          {.name = "evaluations",
           .minimum = 1,
           .doc = "of the network for one sample: steps (twice with guidance), cubes of a scan"}),
  };
}

std::vector<ModelField> recommendation_fields() {
  using R = RecommendationModel;
  return {
      tied<R>(WINDTUNNEL_MEMBER(dense_features),
              {.name = "dense_features", .minimum = 1, .doc = "numbers of a row"}),
      tied<R>(WINDTUNNEL_MEMBER(table_rows), {.name = "table_rows",
                                              .minimum = 1,
                                              .required = true,
                                              .doc = "rows of each embedding table"}),
      tied<R>(WINDTUNNEL_MEMBER(lookups),
              {.name = "lookups", .doc = "rows pooled from each table; default 1"}),
      tied<R>(WINDTUNNEL_MEMBER(embedding_dim),
              {.name = "embedding_dim", .minimum = 1, .doc = "width of the tables"}),
      tied<R>(WINDTUNNEL_MEMBER(bottom_mlp),
              {.name = "bottom_mlp", .minimum = 1, .required = true, .doc = "widths"}),
      tied<R>(WINDTUNNEL_MEMBER(top_mlp),
              {.name = "top_mlp", .minimum = 1, .required = true, .doc = "widths"}),
      tied<R>(WINDTUNNEL_MEMBER(cross_layers),
              {.name = "cross_layers", .doc = "low-rank cross layers; 0: dot products"}),
      tied<R>(WINDTUNNEL_MEMBER(cross_rank), {.name = "cross_rank", .doc = "of a cross layer"}),
  };
}

std::vector<ModelField> dense_fields() {
  using L = RecurrentNetwork;
  using F = FeedForward;
  return {
      tied<L>(WINDTUNNEL_MEMBER(layers),
              {.name = "layers", .minimum = 1, .required = true, .doc = "number of layers"}),
      tied<L>(WINDTUNNEL_MEMBER(hidden),
              {.name = "hidden", .minimum = 1, .required = true, .doc = "width between layers"}),
      tied<L>(WINDTUNNEL_MEMBER(inputs),
              {.name = "inputs", .doc = "width of the input; 0: hidden"}),
      tied<L>(WINDTUNNEL_MEMBER(vocab), {.name = "vocab", .doc = "size of the vocabulary"}),
      tied<F>(WINDTUNNEL_MEMBER(inputs),
              {.name = "features", .minimum = 1, .required = true, .doc = "numbers of a row"}),
      tied<F>(WINDTUNNEL_MEMBER(widths),
              {.name = "widths",
               .minimum = 1,
               .required = true,
               .doc = "outputs of each layer; one alone is linear or logistic regression"}),
  };
}

#undef WINDTUNNEL_MEMBER

}  // namespace

std::vector<ModelField> other_fields() {
  std::vector<ModelField> all;
  for (auto* fields : {convolutional_fields, unet_fields, recommendation_fields, dense_fields}) {
    for (ModelField& field : fields()) all.push_back(std::move(field));
  }
  return all;
}

std::vector<std::string> write_member(double value) {
  return {fmt::format("{}", value)};
}

const std::vector<ModelField>& model_fields() {
  static const std::vector<ModelField> kFields = [] {
    std::vector<ModelField> all = transformer_fields();
    for (ModelField& field : other_fields()) all.push_back(std::move(field));
    return all;
  }();
  return kFields;
}

const ModelField* model_field(std::string_view kind, std::string_view name) {
  const auto& fields = model_fields();
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const ModelField& field) {
    return field.kind == kind && field.name == name;
  });
  return found == fields.end() ? nullptr : &*found;
}

std::vector<std::string> default_of(const ModelField& field) {
  return field.get(*architecture_of_kind(field.kind));
}

}  // namespace windtunnel::models

// A model from its Hugging Face config.json.
//
// `model_type` decides which keys are read and what they mean; where a key may be absent, its
// default is that of Hugging Face Transformers. A model that sees and reads (text_config beside
// vision_config) gives its text part, with a warning. Left out, as Transformers does: modules of
// multi-token prediction (num_nextn_predict_layers), with a warning; set `mtp_layers` for them. Also left out: the
// indexer of sparse attention (glm_moe_dsa).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/networks/model.hpp"

namespace windtunnel::models {

// What a warning about modules of multi-token prediction begins with.
constexpr std::string_view kMtpKey = "num_nextn_predict_layers";

// The types that can be read, in alphabetical order.
std::vector<std::string> hugging_face_types();

// Errors, with line and column in `file`: no JSON, an unknown type (with those that are known), a
// missing key, a value of the wrong kind, figures that cannot be.
std::optional<Model> read_hugging_face_config(std::string_view json, const std::string& file,
                                              base::Diagnostics& diagnostics);

}  // namespace windtunnel::models

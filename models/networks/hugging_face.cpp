#include "models/networks/hugging_face.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "models/networks/config_reader.hpp"

namespace windtunnel::models {
namespace {

const std::map<std::string, ReadArchitecture>& readers() {
  static const std::map<std::string, ReadArchitecture> kReaders{
      {"bert", read_bert},
      {"bloom", read_bloom},
      {"deepseek_v2", read_deepseek},
      {"deepseek_v3", read_deepseek},
      {"falcon", read_falcon},
      {"gemma", read_gemma},
      {"gemma2", read_gemma},
      {"gemma3_text", read_gemma},
      {"glm_moe_dsa", read_deepseek},
      {"gpt2", read_gpt2},
      {"gpt_neo", read_gpt_neo},
      {"gpt_neox", read_gpt_neox},
      {"gpt_oss", read_gpt_oss},
      {"gptj", read_gptj},
      {"grok-1", read_grok},
      {"kimi_k2", read_deepseek},
      {"llama", read_llama},
      {"llama4_text", read_llama4},
      {"minimax_m2", read_minimax},
      {"mistral", read_llama},
      {"mixtral", read_mixtral},
      {"mpt", read_mpt},
      {"nemotron", read_nemotron},
      {"nemotron_h", read_nemotron_h},
      {"opt", read_opt},
      {"phi", read_phi},
      {"phi3", read_phi3},
      {"qwen2", read_qwen2},
      {"qwen2_moe", read_qwen2},
      {"qwen3", read_qwen3},
      {"qwen3_5_moe_text", read_qwen3_next},
      {"qwen3_5_text", read_qwen3_next},
      {"qwen3_moe", read_qwen3},
      {"qwen3_next", read_qwen3_next},
      {"resnet", read_resnet},
      {"roberta", read_bert},
      {"t5", read_t5},
      {"vit", read_vit},
  };
  return kReaders;
}

// Models of text and images whose text part is of a type above that it may not name itself.
const std::map<std::string, std::string>& text_parts() {
  static const std::map<std::string, std::string> kParts{
      {"gemma3", "gemma3_text"},   {"llama4", "llama4_text"},
      {"kimi_k25", "kimi_k2"},     {"mistral3", "mistral"},
      {"qwen3_vl_text", "qwen3"},  {"qwen3_vl_moe_text", "qwen3_moe"},
      {"qwen3_5", "qwen3_5_text"}, {"qwen3_5_moe", "qwen3_5_moe_text"},
      {"qwen2_vl", "qwen2"},       {"qwen2_5_vl_text", "qwen2"},
      {"llava", "llama"}};
  return kParts;
}

std::string type_of(const JsonValue& object) {
  const JsonValue* type = object.find("model_type");
  return type != nullptr && type->kind == JsonKind::text ? type->text : "";
}

const JsonValue* text_part(const JsonValue& root) {
  for (const char* key : {"text_config", "llm_config", "language_config"}) {
    const JsonValue* part = root.find(key);
    if (part != nullptr && part->kind == JsonKind::object) return part;
  }
  return nullptr;
}

std::string known_type(const std::string& type) {
  const auto part = text_parts().find(type);
  return part == text_parts().end() ? type : part->second;
}

void report_unknown(const JsonValue& root, const std::string& type,
                    base::Diagnostics& diagnostics) {
  const std::vector<std::string> known = hugging_face_types();
  const JsonValue* at = root.find("model_type");
  if (at != nullptr && at->kind != JsonKind::text) {
    diagnostics.error(at->where, fmt::format("model_type has to be text, not {}: it decides how "
                                             "the other keys are read",
                                             to_text(at->kind)));
    return;
  }
  if (type.empty()) {
    diagnostics.error(root.where,
                      "the key 'model_type' is missing: it decides how the others are read");
    return;
  }
  diagnostics.error(
      at == nullptr ? root.where : at->where,
      fmt::format("model_type '{}' is not known{}; a mapping can state the model instead (layers, "
                  "hidden, heads, kv_heads, ffn, vocab, mlp, positions, norm, ...). Known: {}",
                  type, base::did_you_mean(type, known), fmt::join(known, ", ")));
}

// "Qwen3-8B" of "Qwen/Qwen3-8B", else the type.
std::string name_of(const JsonValue& root, const std::string& type) {
  const JsonValue* path = root.find("_name_or_path");
  if (path == nullptr || path->kind != JsonKind::text || path->text.empty()) return type;
  const std::size_t slash = path->text.find_last_of('/');
  std::string name = slash == std::string::npos ? path->text : path->text.substr(slash + 1);
  return name.empty() ? type : name;
}

void warn_of_mtp(const JsonValue& object, base::Diagnostics& diagnostics) {
  const JsonValue* layers = object.find(kMtpKey);
  if (layers == nullptr || layers->kind != JsonKind::integer || layers->text == "0") return;
  diagnostics.warning(layers->where,
                      fmt::format("{}: modules of multi-token prediction are left out, as "
                                  "Transformers does; 'mtp_layers: {}' beside 'hf' counts them",
                                  kMtpKey, layers->text));
}

}  // namespace

std::vector<std::string> hugging_face_types() {
  std::vector<std::string> types;
  for (const auto& reader : readers()) types.push_back(reader.first);
  for (const auto& part : text_parts()) types.push_back(part.first);
  std::sort(types.begin(), types.end());
  return types;
}

std::optional<Model> read_hugging_face_config(std::string_view json, const std::string& file,
                                              base::Diagnostics& diagnostics) {
  const auto root = parse_json(json, file, diagnostics);
  if (!root) return std::nullopt;
  if (root->kind != JsonKind::object) {
    diagnostics.error(root->where,
                      fmt::format("a config.json holds an object, not {}", to_text(root->kind)));
    return std::nullopt;
  }
  const JsonValue* text = text_part(*root);
  const JsonValue& object = text == nullptr ? *root : *text;
  std::string type = known_type(type_of(object));
  if (!readers().contains(type) && text != nullptr) type = known_type(type_of(*root));
  const auto reader = readers().find(type);
  if (reader == readers().end()) {
    report_unknown(*root, type.empty() ? type_of(*root) : type, diagnostics);
    return std::nullopt;
  }
  if (text != nullptr && root->find("vision_config") != nullptr) {
    diagnostics.warning(root->find("vision_config")->where,
                        "the vision encoder is left out: only the text part is read");
  }
  warn_of_mtp(object, diagnostics);
  const int before = diagnostics.error_count();
  const ConfigReader config(object, *root, type, diagnostics);
  Model model{.name = name_of(*root, type),
              .description = "from a Hugging Face config.json",
              .source = file,
              .architecture = reader->second(config)};
  if (diagnostics.error_count() > before) return std::nullopt;
  return complete(std::move(model), object.where, diagnostics);
}

// ---- ConfigReader

const JsonValue* ConfigReader::find(std::string_view key) const {
  const JsonValue* value = object_.find(key);
  return value != nullptr ? value : outer_.find(key);
}

void ConfigReader::error(const JsonValue* at, std::string message) const {
  diagnostics_.error(at == nullptr ? object_.where : at->where, std::move(message));
}

std::int64_t ConfigReader::checked(std::string_view key, const JsonValue& value) const {
  const bool whole = value.kind == JsonKind::integer ||
                     (value.kind == JsonKind::real && value.number >= 0 && value.number < 9e15 &&
                      value.number == static_cast<double>(static_cast<std::int64_t>(value.number)));
  if (!whole) {
    error(&value, fmt::format("'{}' has to be a whole number, not {}", key, to_text(value.kind)));
    return 0;
  }
  constexpr double kLargest = 2147483647.0;
  if (value.number < 0 || value.number > kLargest) {
    error(&value, fmt::format("'{}' is {}; it has to be from 0 to 2147483647", key, value.text));
    return 0;
  }
  return static_cast<std::int64_t>(value.number);
}

std::int64_t ConfigReader::integer(std::initializer_list<std::string_view> spellings) const {
  for (const std::string_view key : spellings) {
    if (const JsonValue* value = find(key)) return checked(key, *value);
  }
  const std::string_view first = *spellings.begin();
  std::string others;
  for (const std::string_view key : spellings) {
    if (key != first) others += fmt::format(" (or '{}')", key);
  }
  error(nullptr, fmt::format("the key '{}'{} is missing, which model_type '{}' needs", first,
                             others, type_));
  return 0;
}

std::int64_t ConfigReader::integer_or(std::initializer_list<std::string_view> spellings,
                                      std::int64_t fallback) const {
  for (const std::string_view key : spellings) {
    if (const JsonValue* value = find(key)) return checked(key, *value);
  }
  return fallback;
}

bool ConfigReader::flag_or(std::string_view key, bool fallback) const {
  const JsonValue* value = find(key);
  if (value == nullptr) return fallback;
  if (value->kind != JsonKind::boolean) {
    error(value, fmt::format("'{}' has to be true or false, not {}", key, to_text(value->kind)));
    return fallback;
  }
  return value->text == "true";
}

double ConfigReader::number_or(std::string_view key, double fallback) const {
  const JsonValue* value = find(key);
  if (value == nullptr) return fallback;
  if (value->kind != JsonKind::integer && value->kind != JsonKind::real) {
    error(value, fmt::format("'{}' has to be a number, not {}", key, to_text(value->kind)));
    return fallback;
  }
  return value->number;
}

std::string ConfigReader::text_or(std::string_view key, std::string fallback) const {
  const JsonValue* value = find(key);
  if (value == nullptr) return fallback;
  if (value->kind != JsonKind::text) {
    error(value, fmt::format("'{}' has to be text, not {}", key, to_text(value->kind)));
    return fallback;
  }
  return value->text;
}

}  // namespace windtunnel::models

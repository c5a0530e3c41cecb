// Reads keys of a config.json, gathering what is missing or of the wrong kind; internal to
// models/networks.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "models/networks/json_tree.hpp"
#include "models/networks/model.hpp"

namespace windtunnel::models {

class ConfigReader {
 public:
  // `outer` is asked for what `object` (a text_config) does not say.
  ConfigReader(const JsonValue& object, const JsonValue& outer, std::string type,
               base::Diagnostics& diagnostics)
      : object_(object), outer_(outer), type_(std::move(type)), diagnostics_(diagnostics) {}

  const std::string& type() const { return type_; }
  base::Diagnostics& diagnostics() const { return diagnostics_; }
  const JsonValue* find(std::string_view key) const;
  // The first of the spellings that is there; required. 0 and an error otherwise.
  std::int64_t integer(std::initializer_list<std::string_view> spellings) const;
  std::int64_t integer_or(std::initializer_list<std::string_view> spellings,
                          std::int64_t fallback) const;
  bool flag_or(std::string_view key, bool fallback) const;
  double number_or(std::string_view key, double fallback) const;
  std::string text_or(std::string_view key, std::string fallback) const;
  void error(const JsonValue* at, std::string message) const;

 private:
  std::int64_t checked(std::string_view key, const JsonValue& value) const;

  const JsonValue& object_;
  const JsonValue& outer_;
  std::string type_;
  base::Diagnostics& diagnostics_;
};

using ReadArchitecture = Architecture (*)(const ConfigReader&);

// hugging_face_decoders.cpp: the Llama line; hugging_face_hybrids.cpp: with scans;
// hugging_face_others.cpp: all others.
Architecture read_llama(const ConfigReader& config);
Architecture read_llama4(const ConfigReader& config);
Architecture read_mixtral(const ConfigReader& config);
Architecture read_qwen2(const ConfigReader& config);
Architecture read_qwen3(const ConfigReader& config);
Architecture read_deepseek(const ConfigReader& config);
Architecture read_gpt_oss(const ConfigReader& config);
Architecture read_gemma(const ConfigReader& config);
Architecture read_phi3(const ConfigReader& config);
Architecture read_nemotron(const ConfigReader& config);
Architecture read_nemotron_h(const ConfigReader& config);
Architecture read_qwen3_next(const ConfigReader& config);
Architecture read_grok(const ConfigReader& config);
Architecture read_minimax(const ConfigReader& config);
Architecture read_gpt2(const ConfigReader& config);
Architecture read_gpt_neo(const ConfigReader& config);
Architecture read_gptj(const ConfigReader& config);
Architecture read_gpt_neox(const ConfigReader& config);
Architecture read_opt(const ConfigReader& config);
Architecture read_bloom(const ConfigReader& config);
Architecture read_mpt(const ConfigReader& config);
Architecture read_falcon(const ConfigReader& config);
Architecture read_phi(const ConfigReader& config);
Architecture read_bert(const ConfigReader& config);
Architecture read_vit(const ConfigReader& config);
Architecture read_t5(const ConfigReader& config);
Architecture read_resnet(const ConfigReader& config);

}  // namespace windtunnel::models

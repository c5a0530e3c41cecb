// Ties a ModelField to a member of an architecture; internal to models/networks.
#pragma once

#include <charconv>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "models/networks/model_fields.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::models {

template <class E>
using FieldWords = std::vector<std::pair<E, std::pair<std::string, std::string>>>;

template <class N>
N number_from(const std::string& text) {
  N value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  base::ensures(result.ec == std::errc{} && result.ptr == text.data() + text.size(),
                "a model's figure is a checked number");
  return value;
}

inline void read_member(const std::vector<std::string>& texts, std::int64_t& out) {
  out = number_from<std::int64_t>(texts.front());
}
inline void read_member(const std::vector<std::string>& texts, double& out) {
  out = number_from<double>(texts.front());
}
inline void read_member(const std::vector<std::string>& texts, bool& out) {
  out = texts.front() == "true";
}
inline void read_member(const std::vector<std::string>& texts, std::vector<std::int64_t>& out) {
  out.clear();
  for (const std::string& text : texts) out.push_back(number_from<std::int64_t>(text));
}

inline std::vector<std::string> write_member(std::int64_t value) {
  return {std::to_string(value)};
}
std::vector<std::string> write_member(double value);
inline std::vector<std::string> write_member(bool value) {
  return {value ? "true" : "false"};
}
inline std::vector<std::string> write_member(const std::vector<std::int64_t>& values) {
  std::vector<std::string> texts;
  for (const std::int64_t value : values) texts.push_back(std::to_string(value));
  return texts;
}

template <class M>
constexpr ModelFieldType field_type() {
  if constexpr (std::is_same_v<M, bool>) return ModelFieldType::flag;
  if constexpr (std::is_same_v<M, double>) return ModelFieldType::number;
  if constexpr (std::is_same_v<M, std::int64_t>) return ModelFieldType::integer;
  return ModelFieldType::integers;
}

// `member`: [](auto& a) -> auto& { return a.layers; }
template <class A, class Member>
ModelField tied(Member member, ModelField field) {
  using M = std::remove_reference_t<decltype(member(std::declval<A&>()))>;
  field.kind = kind_of(Model{.name = {}, .description = {}, .source = {}, .architecture = A{}});
  field.type = field_type<M>();
  field.set = [member](const std::vector<std::string>& texts, Architecture& out) {
    read_member(texts, member(std::get<A>(out)));
  };
  field.get = [member](const Architecture& in) { return write_member(member(std::get<A>(in))); };
  return field;
}

template <class A, class Member, class E>
ModelField tied_choice(Member member, FieldWords<E> words, ModelField field) {
  field.kind = kind_of(Model{.name = {}, .description = {}, .source = {}, .architecture = A{}});
  field.type = ModelFieldType::choice;
  for (const auto& word : words) field.choices.push_back(word.second);
  field.set = [member, words](const std::vector<std::string>& texts, Architecture& out) {
    for (const auto& [value, word] : words) {
      if (word.first == texts.front()) member(std::get<A>(out)) = value;
    }
  };
  field.get = [member, words](const Architecture& in) -> std::vector<std::string> {
    for (const auto& [value, word] : words) {
      if (value == member(std::get<A>(in))) return {word.first};
    }
    return {};
  };
  return field;
}

std::vector<ModelField> transformer_fields();
std::vector<ModelField> other_fields();

}  // namespace windtunnel::models

// Ties a Field to a member of a C++ struct: how a checked value is read into each kind of member,
// and how a member is written back. Text is turned into numbers here and nowhere else.
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "scenarios/schema/type.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::scenarios {

// The value of a scalar that resolve() has checked against `type`, in SI units.
double checked_number(const Node& node, const Type& type);
std::int64_t checked_integer(const Node& node);
// The numbers of an index_list, ranges written out, in order.
std::vector<int> checked_indices(const Node& node);

template <class E>
using Words = std::vector<std::pair<E, Choice>>;

inline void read_value(const Node& node, const Type&, std::string& out) {
  out = node.text;
}
inline void read_value(const Node& node, const Type&, bool& out) {
  out = node.text == "true";
}
inline void read_value(const Node& node, const Type& type, double& out) {
  out = checked_number(node, type);
}
template <class I>
requires std::is_integral_v<I>
void read_value(const Node& node, const Type&, I& out) {
  out = static_cast<I>(checked_integer(node));
}
template <int T, int D, int W, int E, int M>
void read_value(const Node& node, const Type& type, base::Quantity<T, D, W, E, M>& out) {
  out = base::Quantity<T, D, W, E, M>(checked_number(node, type));
}
template <class S>
requires std::is_aggregate_v<S>
void read_value(const Node& node, const Type& type, S& out) {
  bind_structure(type.structure(), node, &out);
}
template <class V>
void read_value(const Node& node, const Type& type, std::optional<V>& out) {
  read_value(node, type, out.emplace());
}
template <class V>
void read_value(const Node& node, const Type& type, std::vector<V>& out) {
  out.clear();
  for (const Node& item : node.items) read_value(item, *type.element, out.emplace_back());
}
template <class V>
void read_value(const Node& node, const Type& type, std::map<std::string, V>& out) {
  out.clear();
  for (const Entry& entry : node.entries) read_value(entry.value, *type.element, out[entry.key]);
}

inline std::optional<Node> write_value(const std::string& value, const Type&) {
  return value.empty() ? std::nullopt : std::optional(scalar_node(value, {}));
}
inline std::optional<Node> write_value(bool value, const Type&) {
  return scalar_node(value ? "true" : "false", {});
}
std::optional<Node> write_number(double value, const Type& type);
template <class N>
requires(std::is_arithmetic_v<N> &&
         !std::is_same_v<N, bool>) std::optional<Node> write_value(N value, const Type& type) {
  return write_number(static_cast<double>(value), type);
}
template <int T, int D, int W, int E, int M>
std::optional<Node> write_value(base::Quantity<T, D, W, E, M> value, const Type& type) {
  return write_number(value.value(), type);
}
template <class S>
requires std::is_aggregate_v<S> std::optional<Node> write_value(const S& value, const Type& type) {
  return write_structure(type.structure(), &value);
}
template <class V>
std::optional<Node> write_value(const std::optional<V>& value, const Type& type) {
  return value ? write_value(*value, type) : std::nullopt;
}
template <class V>
std::optional<Node> write_value(const std::vector<V>& values, const Type& type) {
  Node list = sequence_node({});
  for (const V& value : values) {
    if (auto item = write_value(value, *type.element)) list.items.push_back(std::move(*item));
  }
  return list;
}
template <class V>
std::optional<Node> write_value(const std::map<std::string, V>& values, const Type& type) {
  Node mapping = mapping_node({});
  for (const auto& [key, value] : values) {
    if (auto item = write_value(value, *type.element)) mapping.set(key, std::move(*item));
  }
  return mapping;
}

// A field whose value goes to `member` as it is. A keyword leaves the member as it was made.
template <class S, class M>
Field bound(M S::*member, Field field) {
  field.bind = [member, type = field.type](const Node& node, void* object) {
    if (type.keyword(node) == nullptr) read_value(node, type, static_cast<S*>(object)->*member);
  };
  // A member that still has the value it was made with, where a keyword means that, is left to the
  // default.
  field.write = [member, type = field.type](const void* object) -> std::optional<Node> {
    const M& value = static_cast<const S*>(object)->*member;
    if constexpr (std::is_arithmetic_v<M> || requires { M::infinity(); }) {
      if (!type.keywords.empty() && value == S{}.*member) return std::nullopt;
    }
    return write_value(value, type);
  };
  return field;
}

// A field that is one of a few words, each a value of an enum.
template <class S, class E>
Field bound_choice(E S::*member, Words<E> words, Field field) {
  std::vector<Choice> choices;
  for (const auto& word : words) choices.push_back(word.second);
  auto* const canonical = field.type.canonical;
  field.type = choice_type(std::move(choices));
  field.type.canonical = canonical;
  field.bind = [member, words](const Node& node, void* object) {
    for (const auto& [value, word] : words) {
      if (word.value == node.text) static_cast<S*>(object)->*member = value;
    }
  };
  field.write = [member, words](const void* object) -> std::optional<Node> {
    for (const auto& [value, word] : words) {
      if (value == static_cast<const S*>(object)->*member) return scalar_node(word.value, {});
    }
    return std::nullopt;
  };
  return field;
}

// A field that is read by a function of its own.
template <class S, class Read>
Field bound_by(Read read, Field field) {
  field.bind = [read](const Node& node, void* object) { read(node, *static_cast<S*>(object)); };
  return field;
}

}  // namespace windtunnel::scenarios

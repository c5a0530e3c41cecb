#include "scenarios/schema/scalar.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <variant>

#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {
namespace {

using Problem = std::optional<std::string>;

template <class N>
std::optional<N> whole_text_as(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  N value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string limit_text(double limit, const Type& type) {
  if (limit == 0.0) return "0";
  if (type.kind == TypeKind::quantity) return base::exact_text(limit, type.dimension);
  return std::abs(limit) < 0x1p63 && limit == std::floor(limit)
             ? fmt::format("{}", static_cast<std::int64_t>(limit))
             : fmt::format("{}", limit);
}

Problem outside(double value, const Node& node, const Type& type, const std::string& name) {
  const Limits& limits = type.limits;
  if (limits.exclusive_minimum ? value <= limits.minimum : value < limits.minimum) {
    return fmt::format("{} is {}; it has to be {} {}", name, node.text,
                       limits.exclusive_minimum ? "more than" : "at least",
                       limit_text(limits.minimum, type));
  }
  if (value > limits.maximum) {
    return fmt::format("{} is {}; it can be at most {}", name, node.text,
                       limit_text(limits.maximum, type));
  }
  return std::nullopt;
}

Problem not_wanted(const Node& node, const Type& type, const std::string& name) {
  return fmt::format("{} has to be {}, not '{}'{}", name, wanted(type), node.text,
                     node.quoted ? " in quotes" : "");
}

Problem integer_problem(const Node& node, const Type& type, const std::string& name) {
  const auto value = node.quoted ? std::nullopt : whole_text_as<std::int64_t>(node.text);
  if (value) {
    // A double does not tell counts above 2^53 apart.
    const bool above = type.limits.maximum < 0x1p63 &&
                       *value > static_cast<std::int64_t>(std::floor(type.limits.maximum));
    return outside(
        above ? std::nextafter(type.limits.maximum, HUGE_VAL) : static_cast<double>(*value), node,
        type, name);
  }
  const auto number = whole_text_as<double>(node.text);
  if (number && std::isfinite(*number) && *number == std::floor(*number) && !node.quoted) {
    const std::string written = std::abs(*number) < 1e15 ? fmt::format(": write {:.0f}", *number)
                                                         : ": it is larger than any count here";
    return fmt::format("{} has to be written as a whole number, not '{}'{}", name, node.text,
                       written);
  }
  return not_wanted(node, type, name);
}

Problem number_problem(const Node& node, const Type& type, const std::string& name) {
  std::string_view text = node.text;
  if (type.kind == TypeKind::percentage && text.ends_with('%')) text.remove_suffix(1);
  const auto value = node.quoted ? std::nullopt : whole_text_as<double>(text);
  if (!value || !std::isfinite(*value)) return not_wanted(node, type, name);
  return outside(text.size() == node.text.size() ? *value : *value / 100.0, node, type, name);
}

Problem quantity_problem(const Node& node, const Type& type, const std::string& name) {
  const auto parsed = base::parse_quantity(node.text, type.dimension);
  if (const auto* error = std::get_if<base::UnitError>(&parsed))
    return name + ": " + error->message;
  const double value = std::get<double>(parsed);
  if (type.whole && value != std::floor(value)) {
    return fmt::format("{} is {}, which is no whole number of bytes", name, node.text);
  }
  return outside(value, node, type, name);
}

// A fact's value: a bare number in SI units, a share in per cent, or a quantity of whatever dimension
// its unit says.
Problem amount_problem(const Node& node, const Type& type, const std::string& name) {
  std::string_view text = node.text;
  if (text.ends_with('%')) text.remove_suffix(1);
  const auto number = whole_text_as<double>(text);
  if (number && std::isfinite(*number)) return std::nullopt;
  using base::Dimension;
  for (const Dimension dimension :
       {Dimension::time, Dimension::rate, Dimension::bytes, Dimension::bandwidth, Dimension::flops,
        Dimension::flop_rate, Dimension::energy, Dimension::power, Dimension::money}) {
    if (std::holds_alternative<double>(base::parse_quantity(node.text, dimension)))
      return std::nullopt;
  }
  return not_wanted(node, type, name);
}

Problem choice_problem(const Node& node, const Type& type, const std::string& name) {
  std::vector<std::string> words;
  for (const Choice& choice : type.choices) {
    if (choice.value == node.text) return std::nullopt;
    words.push_back(choice.value);
  }
  if (type.canonical != nullptr && type.canonical(node.text)) return std::nullopt;
  if (words.size() == 1) {
    return fmt::format("{} is '{}'; this version knows '{}' only", name, node.text, words.front());
  }
  const std::string near = base::did_you_mean(node.text, words);
  std::string listed;
  for (const std::string& word : words) listed += (listed.empty() ? "" : ", ") + word;
  return fmt::format("{} cannot be '{}'{}{}", name, node.text,
                     near.empty() ? "; it is one of: " : near + " It is one of: ", listed);
}

Problem index_problem(const Node& node, const Type& type, const std::string& name) {
  if (node.quoted) return not_wanted(node, type, name);
  const auto range = index_range(node.text);
  if (!range) return not_wanted(node, type, name);
  if (range->last < range->first) {
    return fmt::format("{}: the range {} runs backwards", name, node.text);
  }
  if (range->last > kLargestIndex) {
    return fmt::format("{}: {} is beyond the largest index, {}", name, node.text, kLargestIndex);
  }
  return std::nullopt;
}

}  // namespace

std::optional<IndexRange> index_range(std::string_view text) {
  IndexRange range;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto step = whole_text_as<std::int64_t>(text.substr(slash + 1));
    if (!step || *step < 1) return std::nullopt;
    range.step = *step;
    text = text.substr(0, slash);
  }
  const std::size_t dash = text.find('-');
  const auto first = whole_text_as<std::int64_t>(text.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : whole_text_as<std::int64_t>(text.substr(dash + 1));
  if (!first || !last || *first < 0) return std::nullopt;
  range.first = *first;
  range.last = *last;
  return range;
}

namespace {

std::string wanted_of_either(const Type& type) {
  std::string out;
  for (const Type& one : type.alternatives) {
    const bool is_variant =
        one.kind == TypeKind::structure &&
        (!one.structure().selected_by.empty() || !one.structure().selected_kind.empty());
    if (!is_variant) out += (out.empty() ? "" : " or ") + wanted(one);
  }
  return out;
}

}  // namespace

std::string wanted(const Type& type) {
  std::string words;
  for (const Choice& word : type.keywords) words += fmt::format(" or '{}'", word.value);
  switch (type.kind) {
    case TypeKind::text:
      return "text" + words;
    case TypeKind::boolean:
      return "true or false" + words;
    case TypeKind::integer:
      return "a whole number" + words;
    case TypeKind::number:
      return "a number" + words;
    case TypeKind::quantity:
      return fmt::format("a {} ({}){}", base::dimension_name(type.dimension),
                         base::dimension_examples(type.dimension), words);
    case TypeKind::choice: {
      std::string listed;
      for (const Choice& choice : type.choices)
        listed += (listed.empty() ? "" : ", ") + choice.value;
      return "one of " + listed + words;
    }
    case TypeKind::percentage:
      return "a share such as 10% or 0.1" + words;
    case TypeKind::index_item:
      return "a number from 0 or a range such as 0-7";
    case TypeKind::index_list:
      return "a number from 0, a range such as 0-7, or a list of these" + words;
    case TypeKind::amount:
      return "a number in SI units, a share such as 40% or a quantity such as 480GB/s" + words;
    case TypeKind::list:
      return "a list" + words;
    case TypeKind::map:
      return "a mapping" + words;
    case TypeKind::structure:
      return (type.structure().library.empty() ? "a mapping" : "a name or a mapping") + words;
    case TypeKind::either:
      return wanted_of_either(type) + words;
    case TypeKind::anything:
      return "a value";
  }
  return "a value";
}

std::optional<std::string> scalar_problem(const Node& node, const Type& type,
                                          const std::string& name) {
  switch (type.kind) {
    case TypeKind::text:
      if (node.text.find_first_not_of(" \t\n\r") == std::string::npos) return name + " is empty";
      return std::nullopt;
    case TypeKind::anything:
      return std::nullopt;
    case TypeKind::boolean:
      if (!node.quoted && (node.text == "true" || node.text == "false")) return std::nullopt;
      return not_wanted(node, type, name);
    case TypeKind::integer:
      return integer_problem(node, type, name);
    case TypeKind::number:
    case TypeKind::percentage:
      return number_problem(node, type, name);
    case TypeKind::quantity:
      return quantity_problem(node, type, name);
    case TypeKind::amount:
      return amount_problem(node, type, name);
    case TypeKind::choice:
      return choice_problem(node, type, name);
    case TypeKind::index_item:
    case TypeKind::index_list:
      return index_problem(node, type, name);
    case TypeKind::list:
    case TypeKind::map:
    case TypeKind::structure:
    case TypeKind::either:
      return not_wanted(node, type, name);
  }
  return std::nullopt;
}

}  // namespace windtunnel::scenarios

#include "scenarios/schema/bind.hpp"

#include <fmt/format.h>

#include "scenarios/schema/scalar.hpp"

namespace windtunnel::scenarios {

double checked_number(const Node& node, const Type& type) {
  if (type.kind == TypeKind::quantity) {
    const auto parsed = base::parse_quantity(node.text, type.dimension);
    const double* value = std::get_if<double>(&parsed);
    base::expects(value != nullptr, "a quantity is bound before it is checked");
    return *value;
  }
  std::string_view text = node.text;
  if (text.starts_with('+')) text.remove_prefix(1);
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  base::expects(error == std::errc{} && end == text.data() + text.size(),
                "a number is bound before it is checked");
  return percent ? value / 100.0 : value;
}

std::int64_t checked_integer(const Node& node) {
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(node.text.data(), node.text.data() + node.text.size(), value);
  base::expects(error == std::errc{} && end == node.text.data() + node.text.size(),
                "a whole number is bound before it is checked");
  return value;
}

std::vector<int> checked_indices(const Node& node) {
  std::vector<int> out;
  if (node.kind == NodeKind::sequence) {
    for (const Node& item : node.items) {
      for (const int index : checked_indices(item)) out.push_back(index);
    }
    return out;
  }
  const auto range = index_range(node.text);
  base::expects(range.has_value(), "an index is bound before it is checked");
  for (std::int64_t i = range->first; i <= range->last; i += range->step) {
    out.push_back(static_cast<int>(i));
  }
  return out;
}

std::optional<Node> write_number(double value, const Type& type) {
  if (type.kind == TypeKind::quantity)
    return scalar_node(base::exact_text(value, type.dimension), {});
  return scalar_node(fmt::format("{}", value), {});
}

}  // namespace windtunnel::scenarios

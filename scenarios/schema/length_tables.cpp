// Tables of length distributions: `{constant: 1024}`, `{lognormal: {median, sigma}}`, ...
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios {
namespace {

using strategies::LognormalLength;
using strategies::NormalLength;
using strategies::UniformLength;

constexpr double kMostTokens = 16777216;

const Structure& normal_structure() {
  static const Structure kTable =
      finished({.name = "workload.lengths.normal",
                .doc = "Rounded, at least 1.",
                .fields = {bound(&NormalLength::mean,
                                 {.name = "mean",
                                  .type = number_type({.minimum = 1, .maximum = kMostTokens}),
                                  .required = true,
                                  .doc = "tokens"}),
                           bound(&NormalLength::stddev,
                                 {.name = "stddev",
                                  .type = number_type({.minimum = 0, .maximum = kMostTokens}),
                                  .required = true,
                                  .doc = "tokens"})}});
  return kTable;
}

const Structure& lognormal_structure() {
  static const Structure kTable =
      finished({.name = "workload.lengths.lognormal",
                .doc = "Rounded, at least 1.",
                .fields = {bound(&LognormalLength::median,
                                 {.name = "median",
                                  .type = number_type({.minimum = 1, .maximum = kMostTokens}),
                                  .required = true,
                                  .doc = "tokens"}),
                           bound(&LognormalLength::sigma,
                                 {.name = "sigma",
                                  .type = number_type({.minimum = 0, .maximum = 10}),
                                  .required = true,
                                  .doc = "standard deviation of the natural logarithm"})}});
  return kTable;
}

const Structure& uniform_structure() {
  static const Structure kTable =
      finished({.name = "workload.lengths.uniform",
                .doc = "Whole numbers, both ends included, each as likely.",
                .fields = {bound(&UniformLength::min, {.name = "min",
                                                       .type = integer_type(1, kMostTokens),
                                                       .required = true,
                                                       .doc = "tokens"}),
                           bound(&UniformLength::max, {.name = "max",
                                                       .type = integer_type(1, kMostTokens),
                                                       .required = true,
                                                       .doc = "tokens"})}});
  return kTable;
}

Type share_table_type() {
  return map_type(number_type({.minimum = 0}));
}

template <class T>
T bound_value(const Structure& structure, const Node& node) {
  T value;
  bind_structure(structure, node, &value);
  return value;
}

strategies::EmpiricalLength empirical_from(const Node& node) {
  strategies::EmpiricalLength out;
  const Type share = number_type({.minimum = 0});
  for (const Entry& entry : node.entries) {
    out.weights.emplace_back(length_key(entry.key).value_or(0), checked_number(entry.value, share));
  }
  return out;
}

}  // namespace

std::optional<std::int64_t> length_key(const std::string& text) {
  std::int64_t tokens = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, tokens);
  const bool whole = error == std::errc{} && stop == end;
  if (!whole || tokens < 1 || static_cast<double>(tokens) > kMostTokens) return std::nullopt;
  return tokens;
}

strategies::Lengths lengths_from(const Node& node) {
  base::expects(node.entries.size() == 1, "a distribution is one key, checked before");
  const Entry& one = node.entries.front();
  if (one.key == "constant") return strategies::ConstantLength{checked_integer(one.value)};
  if (one.key == "normal") return bound_value<NormalLength>(normal_structure(), one.value);
  if (one.key == "lognormal") return bound_value<LognormalLength>(lognormal_structure(), one.value);
  if (one.key == "uniform") return bound_value<UniformLength>(uniform_structure(), one.value);
  return empirical_from(one.value);
}

const Structure& length_structure() {
  static const Structure kTable = finished(
      {.name = "workload.lengths.input",
       .doc = "A distribution: one of these keys. A bare number is `constant`. `output` likewise.",
       .fields = {{.name = "constant",
                   .type = integer_type(1, kMostTokens),
                   .doc = "tokens, always the same"},
                  {.name = "normal",
                   .type = structure_type(normal_structure),
                   .doc = "mean and standard deviation"},
                  {.name = "lognormal",
                   .type = structure_type(lognormal_structure),
                   .doc = "median and sigma: the long tail of real prompts"},
                  {.name = "uniform",
                   .type = structure_type(uniform_structure),
                   .doc = "from min to max"},
                  {.name = "empirical",
                   .type = share_table_type(),
                   .doc = "tokens: weight, as a histogram gives them"}},
       .short_for = "constant"});
  return kTable;
}

std::vector<const Structure*> length_structures() {
  return {&length_structure(), &normal_structure(), &lognormal_structure(), &uniform_structure()};
}

}  // namespace windtunnel::scenarios

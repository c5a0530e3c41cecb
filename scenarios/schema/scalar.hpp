// Checks of single values: each returns the sentence that says what is wrong, or nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "scenarios/schema/type.hpp"

namespace windtunnel::scenarios {

// The largest index that a list of ranks or nodes may name (2^20 - 1).
inline constexpr int kLargestIndex = 1048575;

// `3`, `0-7`, `0-127/8`: first to last, both included, every `step`-th.
struct IndexRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t step = 1;
};
std::optional<IndexRange> index_range(std::string_view text);

// `name` is what the sentence calls the value. The node is a scalar and the type takes scalars.
std::optional<std::string> scalar_problem(const Node& node, const Type& type,
                                          const std::string& name);

// What a type wants, for "has to be ...": "a whole number", "a bandwidth (400Gb/s or 50GB/s)".
std::string wanted(const Type& type);

}  // namespace windtunnel::scenarios

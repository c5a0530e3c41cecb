// Where a value stands in a JSON text, for error messages: the parser gives values without
// positions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/base/diagnostics.hpp"

namespace windtunnel::reports {

// A key of an object, or an index of an array.
struct JsonStep {
  // Meant to convert: a path is written as its steps.
  JsonStep(std::string a_key) : key(std::move(a_key)) {}
  JsonStep(const char* a_key) : key(a_key) {}
  JsonStep(std::size_t an_index) : index(an_index), is_index(true) {}
  std::string key;
  std::size_t index = 0;
  bool is_index = false;
};
using JsonPath = std::vector<JsonStep>;

// cases[3].facts.time_s
std::string to_text(const JsonPath& path);

// Line and column of the value at `path`, or of the deepest value on the way to it that exists.
// Pre: `text` is well-formed JSON. Linear in the length of the text; meant for errors only.
base::SourceLocation position_of(std::string_view text, const JsonPath& path,
                                 const std::string& file);

// Line and column of a byte offset.
base::SourceLocation position_of(std::string_view text, std::size_t offset,
                                 const std::string& file);

}  // namespace windtunnel::reports

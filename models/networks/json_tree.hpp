// A JSON text as a tree that knows where each value stood, for messages with line and column.
//
// Parsed by nlohmann-json's event interface. Nesting beyond kDeepestJson and a key given twice are
// errors. Positions are those of a member's key, of an object's brace, of a list's bracket.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/base/diagnostics.hpp"

namespace windtunnel::models {

inline constexpr std::size_t kDeepestJson = 64;

enum class JsonKind { null, boolean, integer, real, text, list, object };

struct JsonValue {
  JsonKind kind = JsonKind::null;
  std::string text{};  // of a text; "true", "false"; a number as it was written, or its value
  double number = 0;
  std::vector<JsonValue> items{};
  std::vector<std::pair<std::string, JsonValue>> members{};
  base::SourceLocation where{};

  const JsonValue* find(std::string_view key) const;  // null: none, or a JSON null
};

std::string_view to_text(JsonKind kind);  // "an object", "text", ...

std::optional<JsonValue> parse_json(std::string_view text, const std::string& file,
                                    base::Diagnostics& diagnostics);

}  // namespace windtunnel::models

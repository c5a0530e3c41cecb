#include "reports/escape.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace windtunnel::reports {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 0;  // 0: the first byte starts no well-formed sequence
};

bool is_continuation(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
}

// Well-formed sequences of the Unicode standard, table 3-7.
CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t first = byte(0);
  if (first < 0x80U) return {first, 1};
  std::size_t length = 0;
  std::uint32_t value = 0;
  std::uint32_t least = 0;
  if ((first & 0xE0U) == 0xC0U) {
    length = 2, value = first & 0x1FU, least = 0x80U;
  } else if ((first & 0xF0U) == 0xE0U) {
    length = 3, value = first & 0x0FU, least = 0x800U;
  } else if ((first & 0xF8U) == 0xF0U) {
    length = 4, value = first & 0x07U, least = 0x10000U;
  } else {
    return {};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text, i)) return {};
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  const bool surrogate = value >= 0xD800U && value <= 0xDFFFU;
  if (value < least || value > 0x10FFFFU || surrogate) return {};
  return {value, length};
}

// Calls `each(code point, its bytes)`; an ill-formed byte arrives as U+FFFD.
template <class Each>
void for_each_code_point(std::string_view text, Each each) {
  while (!text.empty()) {
    const CodePoint point = decode(text);
    if (point.length == 0) {
      each(std::uint32_t{0xFFFD}, kReplacement);
      text.remove_prefix(1);
    } else {
      each(point.value, text.substr(0, point.length));
      text.remove_prefix(point.length);
    }
  }
}

bool is_wide(std::uint32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
         (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
         (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) ||
         (c >= 0x20000 && c <= 0x3FFFD);
}

bool is_combining(std::uint32_t c) {
  return (c >= 0x0300 && c <= 0x036F) || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE00 && c <= 0xFE0F);
}

bool is_control(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_code_point(text, [&](std::uint32_t, std::string_view bytes) { out += bytes; });
  return out;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  out.reserve(text.size() + 2);
  for_each_code_point(text, [&](std::uint32_t c, std::string_view bytes) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (is_control(c)) {
          out += fmt::format("\\u{:04x}", c);
        } else {
          out += bytes;
        }
    }
  });
  return out + '"';
}

std::string html_escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_code_point(text, [&](std::uint32_t c, std::string_view bytes) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        // XML, which inline SVG may be copied into, has no control characters at all.
        out += is_control(c) && c != '\n' && c != '\t' ? " " : bytes;
    }
  });
  return out;
}

std::string markdown_escape(std::string_view text) {
  constexpr std::string_view kSpecial = "\\`*_{}[]<>#|~";
  std::string out;
  const std::string line = one_line(text);
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool inside_word =
        i > 0 && i + 1 < line.size() && line[i] == '_' && line[i - 1] != ' ' && line[i + 1] != ' ';
    if (!inside_word && kSpecial.find(line[i]) != std::string_view::npos) out += '\\';
    out += line[i];
  }
  return out;
}

std::string csv_field(std::string_view text) {
  std::string valid = valid_utf8(text);
  if (valid.find_first_of(",\"\r\n") == std::string::npos) return valid;
  std::string out = "\"";
  for (const char c : valid) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string one_line(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_code_point(
      text, [&](std::uint32_t c, std::string_view bytes) { out += is_control(c) ? " " : bytes; });
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for_each_code_point(text, [&](std::uint32_t c, std::string_view) {
    if (is_combining(c)) return;
    width += is_wide(c) ? 2 : 1;
  });
  return width;
}

}  // namespace windtunnel::reports

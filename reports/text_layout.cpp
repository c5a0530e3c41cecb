#include "reports/text_layout.hpp"

#include <algorithm>

#include "reports/escape.hpp"

namespace windtunnel::reports {
namespace {

// Without the last code point.
void drop_last(std::string& text) {
  while (text.size() > 1 && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U)
    text.pop_back();
  if (!text.empty()) text.pop_back();
}

void drop_first(std::string& text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U)
    ++length;
  text.erase(0, length);
}

}  // namespace

std::string spaces(std::size_t count) {
  return std::string(count, ' ');
}

std::string cut(const std::string& text, std::size_t width) {
  if (display_width(text) <= width || width == 0) return text;
  std::string head = text;
  std::string tail = text;
  while (display_width(head) > (width - 1) / 2) drop_last(head);
  while (display_width(tail) > width - 1 - display_width(head)) drop_first(tail);
  return head + "…" + tail;
}

std::string wrapped(const std::string& text, std::size_t width, const std::string& indent) {
  std::string out;
  std::string line;
  std::size_t at = 0;
  const std::string clean = one_line(text);
  while (at < clean.size()) {
    const std::size_t end = std::min(clean.find(' ', at), clean.size());
    const std::string word = clean.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    if (!line.empty() && display_width(line) + 1 + display_width(word) > width) {
      out += line + "\n";
      line = indent + word;
    } else {
      line += (line.empty() || line == indent ? "" : " ") + word;
    }
  }
  return out + line + "\n";
}

}  // namespace windtunnel::reports

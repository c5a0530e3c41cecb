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

std::vector<std::string> lines_of(const std::string& text, std::size_t width) {
  std::vector<std::string> out;
  const std::string clean = one_line(text);
  for (std::size_t at = 0; at < clean.size();) {
    const std::size_t end = std::min(clean.find(' ', at), clean.size());
    const std::string word = clean.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    const bool fits = !out.empty() && display_width(out.back()) + 1 + display_width(word) <= width;
    if (fits) {
      out.back() += " " + word;
    } else {
      out.push_back(word);
    }
  }
  return out;
}

std::string wrapped(const std::string& text, std::size_t width, const std::string& indent) {
  // Later lines have less room; the first one, without an indent, is broken off alone.
  const auto first = lines_of(text, width);
  if (first.size() <= 1) return (first.empty() ? "" : first.front()) + "\n";
  std::string out = first.front() + "\n";
  std::string remaining;
  for (std::size_t i = 1; i < first.size(); ++i) remaining += (i > 1 ? " " : "") + first[i];
  for (const std::string& line :
       lines_of(remaining, width - std::min(width, display_width(indent))))
    out += indent + line + "\n";
  return out;
}

}  // namespace windtunnel::reports

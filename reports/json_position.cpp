#include "reports/json_position.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace windtunnel::reports {
namespace {

// Walks well-formed JSON without building anything.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { skip_blanks(); }

  std::size_t offset() const { return at_; }

  // Moves to the member or element; false (and moved past the value) where there is none.
  bool enter(const JsonStep& step) {
    return step.is_index ? enter_index(step.index) : enter_key(step.key);
  }

 private:
  bool enter_key(const std::string& key) {
    if (peek() != '{') return false;
    advance();
    while (peek() == '"') {
      const std::size_t start = at_;
      skip_string();
      const std::string name =
          nlohmann::json::parse(text_.substr(start, at_ - start)).get<std::string>();
      skip_blanks();
      advance();  // the colon
      if (name == key) return true;
      skip_value();
      if (peek() == ',') advance();
    }
    return false;
  }

  bool enter_index(std::size_t index) {
    if (peek() != '[') return false;
    advance();
    for (std::size_t i = 0; i < index && peek() != ']'; ++i) {
      skip_value();
      if (peek() == ',') advance();
    }
    return at_ < text_.size() && peek() != ']';
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void advance() {
    ++at_;
    skip_blanks();
  }
  void skip_blanks() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  void skip_string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    ++at_;
  }
  // To behind the value and the blanks after it.
  void skip_value() {
    int depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        skip_string();
      } else if (c == '{' || c == '[') {
        ++depth, ++at_;
      } else if (c == '}' || c == ']') {
        --depth, ++at_;
      } else if (c == ',' || c == ':') {
        ++at_;
      } else {
        at_ = std::min(text_.find_first_of(",:]} \t\r\n", at_), text_.size());
      }
      skip_blanks();
    } while (depth > 0 && at_ < text_.size());
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string to_text(const JsonPath& path) {
  std::string out;
  for (const JsonStep& step : path) {
    if (step.is_index) {
      out += fmt::format("[{}]", step.index);
    } else if (step.key.find('.') != std::string::npos) {
      out += fmt::format("[\"{}\"]", step.key);  // a key with a dot of its own: "strategy.tensor"
    } else {
      out += fmt::format("{}{}", out.empty() ? "" : ".", step.key);
    }
  }
  return out;
}

base::SourceLocation position_of(std::string_view text, const JsonPath& path,
                                 const std::string& file) {
  Scanner scanner(text);
  std::size_t deepest = scanner.offset();
  for (const JsonStep& step : path) {
    if (!scanner.enter(step)) break;
    deepest = scanner.offset();
  }
  return position_of(text, deepest, file);
}

base::SourceLocation position_of(std::string_view text, std::size_t offset,
                                 const std::string& file) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_start =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {file, static_cast<int>(line), static_cast<int>(before.size() - line_start) + 1};
}

}  // namespace windtunnel::reports

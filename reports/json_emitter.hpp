// Writes JSON text in one pass: no tree in memory, keys in the order given, numbers in the shortest
// form that reads back to the same double. A number that JSON cannot hold (NaN, infinity) becomes
// null. Contract: calls nest as JSON does; a value inside an object follows its key().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/fact.hpp"

namespace windtunnel::reports {

// Shortest text that reads back to the same double: 128, 0.1, 1e-06. The value must be finite.
std::string number_text(double value);

class JsonEmitter {
 public:
  enum class Layout { lines, inline_ };  // members on lines of their own, or all on one

  void begin_object(Layout layout = Layout::inline_) { begin('{', '}', layout); }
  void begin_array(Layout layout = Layout::inline_) { begin('[', ']', layout); }
  void end();  // of the innermost object or array
  void key(std::string_view name);

  void value(double number);
  void value(std::int64_t number);
  void value(std::uint64_t number);
  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(const std::string& text) { value(std::string_view(text)); }
  // A cell keeps its type: a double is written so that it reads back as one (2.0, not 2).
  void value(const base::Cell& cell);
  void null();

  template <class T>
  void member(std::string_view name, const T& content) {
    key(name);
    value(content);
  }

  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  struct Level {
    char closing;
    Layout layout;
    std::size_t members = 0;
  };
  void begin(char opening, char closing, Layout layout);
  void separate();
  void raw(std::string_view text);

  std::string out_;
  std::vector<Level> levels_;
  bool after_key_ = false;
};

}  // namespace windtunnel::reports

#include "reports/json_emitter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/escape.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::reports {

std::string number_text(double value) {
  base::expects(std::isfinite(value), "only finite numbers have a text");
  return fmt::format("{}", value);
}

void JsonEmitter::begin(char opening, char closing, Layout layout) {
  separate();
  // Inside an inline container everything is inline.
  if (!levels_.empty() && levels_.back().layout == Layout::inline_) layout = Layout::inline_;
  out_ += opening;
  levels_.push_back({closing, layout});
}

void JsonEmitter::end() {
  base::expects(!levels_.empty() && !after_key_, "end() closes an open object or array");
  const Level level = levels_.back();
  levels_.pop_back();
  if (level.layout == Layout::lines && level.members > 0) {
    out_ += '\n';
    out_.append(levels_.size(), ' ');
  }
  out_ += level.closing;
  if (levels_.empty()) out_ += '\n';
}

void JsonEmitter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) return;
  Level& level = levels_.back();
  if (level.members++ > 0) out_ += level.layout == Layout::lines ? "," : ", ";
  if (level.layout == Layout::lines) {
    out_ += '\n';
    out_.append(levels_.size(), ' ');
  }
}

void JsonEmitter::key(std::string_view name) {
  separate();
  out_ += json_string(name);
  out_ += ": ";
  after_key_ = true;
}

void JsonEmitter::raw(std::string_view text) {
  separate();
  out_ += text;
}

void JsonEmitter::value(double number) {
  raw(std::isfinite(number) ? number_text(number) : "null");
}
void JsonEmitter::value(std::int64_t number) {
  raw(fmt::format("{}", number));
}
void JsonEmitter::value(std::uint64_t number) {
  raw(fmt::format("{}", number));
}
void JsonEmitter::value(std::string_view text) {
  raw(json_string(text));
}
void JsonEmitter::null() {
  raw("null");
}

void JsonEmitter::value(const base::Cell& cell) {
  if (const auto* number = std::get_if<double>(&cell)) {
    std::string text = std::isfinite(*number) ? number_text(*number) : "null";
    if (text.find_first_of(".eEn") == std::string::npos) text += ".0";
    raw(text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&cell)) {
    value(*integer);
  } else if (const auto* word = std::get_if<std::string>(&cell)) {
    value(*word);
  } else {
    null();
  }
}

}  // namespace windtunnel::reports

#include "models/networks/json_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>

namespace windtunnel::models {
namespace {

// Reads characters and tells how far the parser has come.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** farthest) : at_(at), farthest_(farthest) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *farthest_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** farthest_;
};

class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(std::string_view text, const std::string& file, base::Diagnostics& diagnostics)
      : text_(text), farthest_(text.data()), file_(file), diagnostics_(diagnostics) {}

  const char** farthest() { return &farthest_; }
  JsonValue take_root() { return std::move(root_); }

  bool null() override { return put({.kind = JsonKind::null}); }
  bool boolean(bool value) override {
    return put({.kind = JsonKind::boolean, .text = value ? "true" : "false"});
  }
  bool number_integer(number_integer_t value) override {
    return put({.kind = JsonKind::integer,
                .text = fmt::format("{}", value),
                .number = static_cast<double>(value)});
  }
  bool number_unsigned(number_unsigned_t value) override {
    return put({.kind = JsonKind::integer,
                .text = fmt::format("{}", value),
                .number = static_cast<double>(value)});
  }
  bool number_float(number_float_t value, const string_t& written) override {
    return put({.kind = JsonKind::real, .text = written, .number = value});
  }
  bool string(string_t& value) override { return put({.kind = JsonKind::text, .text = value}); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(JsonKind::object); }
  bool start_array(std::size_t) override { return open(JsonKind::list); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    key_ = name;
    key_where_ = place(offset() - std::min(offset(), name.size() + 2));
    for (const auto& member : open_.back()->members) {
      if (member.first != name) continue;
      diagnostics_.error(key_where_, fmt::format("the key '{}' stands twice in one object", name));
      return false;
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) override {
    std::string message = error.what();
    const std::size_t detail = message.find(": ");
    if (detail != std::string::npos) message.erase(0, detail + 2);
    diagnostics_.error(place(position == 0 ? 0 : position - 1), "this is no JSON: " + message);
    return false;
  }

 private:
  std::size_t offset() const { return static_cast<std::size_t>(farthest_ - text_.data()); }

  // Columns count bytes from 1.
  base::SourceLocation place(std::size_t at) const {
    base::SourceLocation where{.file = file_, .line = 1, .column = 1};
    for (std::size_t i = 0; i < at && i < text_.size(); ++i) {
      if (text_[i] == '\n') {
        ++where.line;
        where.column = 1;
      } else {
        ++where.column;
      }
    }
    return where;
  }

  bool put(JsonValue value) {
    add(std::move(value), offset());
    return true;
  }

  JsonValue& add(JsonValue value, std::size_t at) {
    const bool member = !open_.empty() && open_.back()->kind == JsonKind::object;
    value.where = member ? key_where_ : place(at == 0 ? 0 : at - 1);
    if (open_.empty()) {
      root_ = std::move(value);
      return root_;
    }
    JsonValue& parent = *open_.back();
    if (member) {
      parent.members.emplace_back(key_, std::move(value));
      return parent.members.back().second;
    }
    parent.items.push_back(std::move(value));
    return parent.items.back();
  }

  bool open(JsonKind kind) {
    if (open_.size() >= kDeepestJson) {
      diagnostics_.error(place(offset()),
                         fmt::format("nested deeper than {} levels", kDeepestJson));
      return false;
    }
    JsonValue value;
    value.kind = kind;
    open_.push_back(&add(std::move(value), offset()));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  const char* farthest_;
  const std::string& file_;
  base::Diagnostics& diagnostics_;
  JsonValue root_;
  std::vector<JsonValue*> open_;  // only the last of each list grows, so they stay where they are
  std::string key_;
  base::SourceLocation key_where_;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name == key) return value.kind == JsonKind::null ? nullptr : &value;
  }
  return nullptr;
}

std::string_view to_text(JsonKind kind) {
  switch (kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return "true or false";
    case JsonKind::integer:
      return "a whole number";
    case JsonKind::real:
      return "a number";
    case JsonKind::text:
      return "text";
    case JsonKind::list:
      return "a list";
    case JsonKind::object:
      return "an object";
  }
  return "";
}

std::optional<JsonValue> parse_json(std::string_view text, const std::string& file,
                                    base::Diagnostics& diagnostics) {
  TreeBuilder builder(text, file, diagnostics);
  const CountingIterator begin(text.data(), builder.farthest());
  const CountingIterator end(text.data() + text.size(), builder.farthest());
  if (!nlohmann::json::sax_parse(begin, end, &builder)) return std::nullopt;
  return builder.take_root();
}

}  // namespace windtunnel::models

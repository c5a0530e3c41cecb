#include "reports/json_walk.hpp"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <set>

namespace windtunnel::reports {
namespace {

constexpr int kMostErrors = 50;
constexpr double kNotFinite = std::numeric_limits<double>::quiet_NaN();

std::string_view kind_of(const JsonWalk::Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string()) return "a text";
  if (value.is_boolean()) return "true or false";
  if (value.is_null()) return "null";
  return "a number";
}

}  // namespace

JsonWalk::Inside::Inside(JsonWalk& walk, JsonStep step) : walk_(walk) {
  walk_.path_.push_back(std::move(step));
}
JsonWalk::Inside::~Inside() {
  walk_.path_.pop_back();
}

JsonWalk::Json JsonWalk::parse() {
  using Event = nlohmann::detail::parse_event_t;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::optional<std::string> duplicate;
  const auto watch = [&](int, Event event, Json& parsed) {
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end && !keys.empty()) keys.pop_back();
    if (event == Event::key && !keys.empty() && !duplicate) {
      const auto name = parsed.get<std::string>();
      if (!keys.back().insert(name).second) duplicate = name;
    }
    return true;
  };
  try {
    Json root = Json::parse(text_, watch);
    if (duplicate) fail(fmt::format("the key '{}' stands twice in one object", *duplicate));
    return root;
  } catch (const Json::parse_error& error) {
    const std::size_t offset = error.byte > 0 ? error.byte - 1 : 0;
    const bool cut = offset >= text_.size();
    throw base::InputError(
        position_of(text_, offset, file_),
        cut ? "the file ends in the middle: it is not a whole JSON text" : "this is not JSON");
  } catch (const Json::out_of_range&) {
    throw base::InputError({file_, 0, 0}, "it holds a number too large for a double");
  }
}

void JsonWalk::fail(const std::string& message) {
  if (errors_.error_count() >= kMostErrors) return;
  const std::string path = to_text(path_);
  errors_.error(position_of(text_, path_, file_), path.empty() ? message : path + ": " + message);
}

void JsonWalk::fail_type(std::string_view expected, const Json& found) {
  fail(fmt::format("expected {}, found {}", expected, kind_of(found)));
}

void JsonWalk::stop_on_errors() const {
  if (errors_.has_errors()) throw base::InputError(errors_);
}

const JsonWalk::Json* JsonWalk::find(const Json& parent, const std::string& key) {
  const auto found = parent.find(key);
  return found == parent.end() ? nullptr : &*found;
}

const JsonWalk::Json* JsonWalk::object(const Json& parent, const std::string& key) {
  const Json* found = find(parent, key);
  if (found == nullptr || found->is_object()) return found;
  const Inside inside(*this, key);
  fail_type("an object", *found);
  return nullptr;
}

const JsonWalk::Json* JsonWalk::list(const Json& parent, const std::string& key) {
  const Json* found = find(parent, key);
  if (found == nullptr || found->is_array()) return found;
  const Inside inside(*this, key);
  fail_type("a list", *found);
  return nullptr;
}

std::string JsonWalk::word(const Json& parent, const std::string& key) {
  const Json* found = find(parent, key);
  if (found == nullptr) return "";
  if (found->is_string()) return found->get<std::string>();
  const Inside inside(*this, key);
  fail_type("a text", *found);
  return "";
}

std::vector<std::string> JsonWalk::words(const Json& parent, const std::string& key) {
  std::vector<std::string> out;
  const Json* found = list(parent, key);
  if (found == nullptr) return out;
  const Inside inside(*this, key);
  for (std::size_t i = 0; i < found->size(); ++i) {
    const Json& value = (*found)[i];
    const Inside at(*this, i);
    if (value.is_string()) {
      out.push_back(value.get<std::string>());
    } else {
      fail_type("a text", value);
    }
  }
  return out;
}

double JsonWalk::number(const Json& value) {
  if (value.is_null()) return kNotFinite;
  if (value.is_number()) return value.get<double>();
  fail_type("a number", value);
  return kNotFinite;
}

double JsonWalk::number(const Json& parent, const std::string& key, double fallback) {
  const Json* found = find(parent, key);
  if (found == nullptr) return fallback;
  const Inside inside(*this, key);
  return number(*found);
}

std::int64_t JsonWalk::count(const Json& parent, const std::string& key) {
  const Json* found = find(parent, key);
  if (found == nullptr) return 0;
  if (found->is_number_integer()) return found->get<std::int64_t>();
  const Inside inside(*this, key);
  fail_type("a whole number", *found);
  return 0;
}

std::uint64_t JsonWalk::unsigned_count(const Json& parent, const std::string& key,
                                       std::uint64_t fallback) {
  const Json* found = find(parent, key);
  if (found == nullptr) return fallback;
  if (found->is_number_unsigned()) return found->get<std::uint64_t>();
  const Inside inside(*this, key);
  fail_type("a whole number that is not negative", *found);
  return fallback;
}

base::Cell JsonWalk::cell(const Json& value) {
  if (value.is_null()) return {};
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  fail_type("a number or a text", value);
  return {};
}

}  // namespace windtunnel::reports

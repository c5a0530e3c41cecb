#include "tests/scenarios/json_schema_check.hpp"

#include <algorithm>
#include <regex>
#include <set>
#include <stdexcept>

namespace windtunnel::scenarios {
namespace {

using Json = nlohmann::ordered_json;

class Checker {
 public:
  explicit Checker(const Json& root) : root_(root) {}

  std::vector<std::string> check(const Json& value, const Json& schema, const std::string& path) {
    std::vector<std::string> out;
    for (const auto& [keyword, rule] : schema.items()) {
      for (std::string& one : keyword_violations(value, schema, keyword, rule, path))
        out.push_back(std::move(one));
    }
    return out;
  }

 private:
  using Violations = std::vector<std::string>;

  Violations keyword_violations(const Json& value, const Json& schema, const std::string& keyword,
                                const Json& rule, const std::string& path) {
    static const std::set<std::string> kNotes{"$schema", "$defs", "title", "description",
                                              "default"};
    if (kNotes.contains(keyword)) return {};
    if (keyword == "$ref") return check(value, definition(rule.get<std::string>()), path);
    if (keyword == "anyOf") return any_of(value, rule, path);
    if (keyword == "not") {
      return check(value, rule, path).empty() ? Violations{path + " is not allowed"} : Violations{};
    }
    if (keyword == "properties" || keyword == "additionalProperties") {
      return keyword == "properties" || !schema.contains("properties")
                 ? members(value, schema, path)
                 : Violations{};
    }
    if (keyword == "items") return items(value, rule, path);
    return holds(value, keyword, rule)
               ? Violations{}
               : Violations{path + " breaks " + keyword + " " + rule.dump()};
  }

  const Json& definition(const std::string& reference) const {
    const std::string prefix = "#/$defs/";
    if (!reference.starts_with(prefix)) throw std::runtime_error("reference " + reference);
    return root_.at("$defs").at(reference.substr(prefix.size()));
  }

  Violations any_of(const Json& value, const Json& options, const std::string& path) {
    Violations best{path + " fits no alternative"};
    for (const Json& option : options) {
      Violations found = check(value, option, path);
      if (found.empty()) return {};
      // The most telling: an alternative of the right type that fails deeper inside.
      if (found.front().size() > best.front().size()) best = std::move(found);
    }
    return best;
  }

  Violations members(const Json& value, const Json& schema, const std::string& path) {
    Violations out;
    if (!value.is_object()) return out;
    const Json none = Json::object();
    const Json& properties = schema.contains("properties") ? schema.at("properties") : none;
    for (const auto& [key, member] : value.items()) {
      const std::string below = path + "." + key;
      const Json* rule = properties.contains(key) ? &properties.at(key) : nullptr;
      if (rule == nullptr && schema.contains("additionalProperties")) {
        const Json& others = schema.at("additionalProperties");
        if (others.is_boolean() && !others.get<bool>())
          out.push_back(below + " is no key of the schema");
        if (others.is_object()) rule = &others;
      }
      if (rule == nullptr) continue;
      for (std::string& one : check(member, *rule, below)) out.push_back(std::move(one));
    }
    return out;
  }

  Violations items(const Json& value, const Json& rule, const std::string& path) {
    Violations out;
    if (!value.is_array()) return out;
    for (std::size_t i = 0; i < value.size(); ++i) {
      for (std::string& one : check(value[i], rule, path + "[" + std::to_string(i) + "]"))
        out.push_back(std::move(one));
    }
    return out;
  }

  static bool has_type(const Json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    throw std::runtime_error("type " + type);
  }

  static bool holds(const Json& value, const std::string& keyword, const Json& rule) {
    if (keyword == "type") {
      if (rule.is_string()) return has_type(value, rule);
      return std::any_of(rule.begin(), rule.end(),
                         [&](const Json& one) { return has_type(value, one); });
    }
    if (keyword == "enum") return std::find(rule.begin(), rule.end(), value) != rule.end();
    if (keyword == "required") {
      if (!value.is_object()) return true;
      return std::all_of(rule.begin(), rule.end(),
                         [&](const Json& key) { return value.contains(key.get<std::string>()); });
    }
    if (keyword == "minItems") return !value.is_array() || value.size() >= rule.get<std::size_t>();
    if (keyword == "maxItems") return !value.is_array() || value.size() <= rule.get<std::size_t>();
    if (keyword == "minimum")
      return !value.is_number() || value.get<double>() >= rule.get<double>();
    if (keyword == "maximum")
      return !value.is_number() || value.get<double>() <= rule.get<double>();
    if (keyword == "exclusiveMinimum")
      return !value.is_number() || value.get<double>() > rule.get<double>();
    if (keyword == "pattern") {
      return !value.is_string() ||
             std::regex_search(value.get<std::string>(), std::regex(rule.get<std::string>()));
    }
    throw std::runtime_error("keyword " + keyword);
  }

  const Json& root_;
};

}  // namespace

std::vector<std::string> schema_violations(const Json& document, const Json& schema) {
  return Checker(schema).check(document, schema, "");
}

}  // namespace windtunnel::scenarios

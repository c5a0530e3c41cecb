// Reading parsed JSON strictly: every value that has the wrong type is an error with its path, line
// and column; all of a text's errors are gathered before one InputError is thrown.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "reports/json_position.hpp"
#include "sim/base/diagnostics.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::reports {

class JsonWalk {
 public:
  using Json = nlohmann::ordered_json;

  JsonWalk(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  // Throws InputError where the text is no JSON or an object holds a key twice.
  Json parse();

  // Steps into a key or index for as long as it lives, so that errors know where they are.
  class Inside {
   public:
    Inside(JsonWalk& walk, JsonStep step);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    JsonWalk& walk_;
  };

  void fail(const std::string& message);
  void fail_type(std::string_view expected, const Json& found);
  void stop_on_errors() const;  // throws what was gathered, if anything was

  // What stands under `key` of `parent`, which is where the walk is. Nothing there: null, empty, or
  // the fallback.
  static const Json* find(const Json& parent, const std::string& key);
  const Json* object(const Json& parent, const std::string& key);
  const Json* list(const Json& parent, const std::string& key);
  std::string word(const Json& parent, const std::string& key);
  std::vector<std::string> words(const Json& parent, const std::string& key);
  double number(const Json& parent, const std::string& key, double fallback);
  std::int64_t count(const Json& parent, const std::string& key);
  std::uint64_t unsigned_count(const Json& parent, const std::string& key, std::uint64_t fallback);
  // The value where the walk is. null is what a number that is not finite was written as: NaN.
  double number(const Json& value);
  base::Cell cell(const Json& value);

 private:
  std::string_view text_;
  std::string file_;
  JsonPath path_;
  base::Diagnostics errors_;
};

}  // namespace windtunnel::reports

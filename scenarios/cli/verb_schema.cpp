// `windtunnel schema`: the scenario file, for editors and for people.
#include "scenarios/cli/arguments.hpp"
#include "scenarios/cli/console.hpp"
#include "scenarios/cli/verb.hpp"
#include "scenarios/schema/json_schema.hpp"
#include "scenarios/schema/reference.hpp"

namespace windtunnel::scenarios::cli {

ExitCode verb_schema(const Invocation& invocation) {
  std::string format = "json";
  Arguments arguments("schema",
                      "JSON Schema of the scenario file, from the tables the loader reads.");
  arguments.choice("--format", format, {"json", "markdown"},
                   "json: the schema; markdown: the same as a reference page");
  arguments.parse(invocation.arguments);
  Console console({});
  console.data(format == "json" ? json_schema() : reference_page());
  return ExitCode::ok;
}

}  // namespace windtunnel::scenarios::cli

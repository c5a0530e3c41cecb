// `windtunnel report`: a saved result rendered again.
#include <fmt/format.h>

#include "reports/csv.hpp"
#include "reports/html.hpp"
#include "reports/json.hpp"
#include "reports/markdown.hpp"
#include "reports/table.hpp"
#include "reports/trace.hpp"
#include "reports/write_file.hpp"
#include "scenarios/cli/flags.hpp"
#include "scenarios/cli/result_output.hpp"
#include "scenarios/cli/verb.hpp"

namespace windtunnel::scenarios::cli {

namespace {

// The format is told by the ending of the file's name.
std::string render_for(const std::string& path, const reports::Result& result) {
  if (path.ends_with(".html") || path.ends_with(".htm")) return reports::to_html(result);
  if (path.ends_with(".trace.json") || path.ends_with("trace.json"))
    return reports::to_trace(result);
  if (path.ends_with(".json")) return reports::to_json(result);
  if (path.ends_with(".csv")) return reports::to_csv(result);
  if (path.ends_with(".md")) return reports::to_markdown(result);
  if (path.ends_with(".txt")) return reports::to_text(result);
  throw UsageError(
      "report",
      fmt::format("'{}' ends in none of .html, .md, .csv, .txt, .json, .trace.json", path));
}

}  // namespace

ExitCode verb_report(const Invocation& invocation) {
  std::vector<std::string> files;
  std::string output_path;
  OutputFlags output;
  Arguments arguments("report", "Render a saved result again.");
  arguments.positional("RESULT.json", files, {.least = 1, .most = 1}, "result.json of run --out");
  arguments.text(
      "--output,-o", output_path, "FILE",
      "report.html (or .md, .csv, .txt, .json, .trace.json); without it, print on stdout");
  output.add_to(arguments);
  arguments.parse(invocation.arguments);
  Console console = output.console();
  const reports::Result result = reports::read_json_file(files.front());
  if (output_path.empty()) {
    print_result(result, output.format(), console);
    return ExitCode::ok;
  }
  reports::write_file(output_path, render_for(output_path, result));
  console.note(fmt::format("wrote {}", output_path));
  return ExitCode::ok;
}

}  // namespace windtunnel::scenarios::cli

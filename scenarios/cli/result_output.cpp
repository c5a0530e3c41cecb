#include "scenarios/cli/result_output.hpp"

#include <fmt/format.h>

#include "reports/csv.hpp"
#include "reports/html.hpp"
#include "reports/json.hpp"
#include "reports/markdown.hpp"
#include "reports/table.hpp"
#include "reports/trace.hpp"
#include "reports/write_file.hpp"

namespace windtunnel::scenarios::cli {

namespace {

std::string table_text(const reports::Result& result, const Console& console) {
  return reports::to_text(
      result, {.width = report_width(),
               .color = console.color_on_stdout() ? reports::Color::on : reports::Color::off,
               .warnings = reports::Warnings::left_out});
}

}  // namespace

void print_result(const reports::Result& result, Format format, Console& console) {
  switch (format) {
    case Format::table:
      return console.data(table_text(result, console));
    case Format::json:
      return console.data(reports::to_json(result, {.most_rows = reports::kRowsOnStdout}));
    case Format::csv:
      return console.data(reports::to_csv(result));
    case Format::markdown:
      return console.data(reports::to_markdown(result));
  }
}

void write_result(const reports::Result& result, const std::string& folder,
                  const Console& console) {
  reports::write_file(folder + "/result.json", reports::to_json(result));
  reports::write_file(folder + "/result.csv", reports::to_csv(result));
  reports::write_file(folder + "/trace.json", reports::to_trace(result));
  reports::write_file(folder + "/report.html", reports::to_html(result));
  console.note(
      fmt::format("wrote result.json, result.csv, trace.json and report.html into {}", folder));
}

}  // namespace windtunnel::scenarios::cli

#include "scenarios/cli/format.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "reports/csv.hpp"
#include "reports/escape.hpp"
#include "reports/markdown.hpp"
#include "reports/table.hpp"
#include "reports/views/lookup.hpp"
#include "scenarios/cli/console.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios::cli {

namespace {

std::string json(const base::Table& table) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& row : table.rows) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < row.size(); ++i) {
      auto& value = object[table.columns[i]];
      if (const auto* count = std::get_if<std::int64_t>(&row[i])) value = *count;
      if (const auto* number = std::get_if<double>(&row[i])) value = *number;
      if (const auto* word = std::get_if<std::string>(&row[i])) value = reports::valid_utf8(*word);
    }
    list.push_back(std::move(object));
  }
  return list.dump(1) + "\n";
}

// Programs that read a listing want a row on one line.
constexpr int kUnlimitedWidth = 100'000;
constexpr int kReportWidth = 100;

int columns_of_terminal(int otherwise) {
  winsize size{};
  if (is_terminal(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
      size.ws_col > 0) {
    return size.ws_col;
  }
  return otherwise;
}

}  // namespace

const std::vector<std::string>& format_names() {
  static const std::vector<std::string> kNames{"table", "json", "csv", "markdown"};
  return kNames;
}

Format format_from_text(std::string_view text) {
  if (text == "json") return Format::json;
  if (text == "csv") return Format::csv;
  if (text == "markdown") return Format::markdown;
  base::expects(text == "table", "a format that was checked");
  return Format::table;
}

int report_width() {
  return columns_of_terminal(kReportWidth);
}

std::string render(const base::Table& table, Format format) {
  const reports::Result no_result;
  switch (format) {
    case Format::json:
      return json(table);
    case Format::csv:
      return reports::to_csv(table);
    case Format::markdown:
      return reports::to_markdown(reports::table_view(table, no_result));
    case Format::table:
      break;
  }
  return reports::to_text(reports::table_view(table, no_result),
                          {.width = columns_of_terminal(kUnlimitedWidth)});
}

}  // namespace windtunnel::scenarios::cli

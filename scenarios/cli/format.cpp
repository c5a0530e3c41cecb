#include "scenarios/cli/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "reports/escape.hpp"
#include "reports/unit.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios::cli {

namespace {

using Grid = std::vector<std::vector<std::string>>;

bool is_number(const base::Cell& cell) {
  return std::holds_alternative<double>(cell) || std::holds_alternative<std::int64_t>(cell);
}

Grid texts_of(const base::Table& table) {
  Grid grid{{}};
  for (const std::string& column : table.columns) grid[0].push_back(reports::title_of(column, {}));
  for (const auto& row : table.rows) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string text = reports::cell_text(row[i], reports::unit_of(table.columns[i]));
      texts.push_back(reports::one_line(text));
    }
    grid.push_back(std::move(texts));
  }
  return grid;
}

std::string aligned(const base::Table& table) {
  const Grid grid = texts_of(table);
  std::vector<std::size_t> widths(table.columns.size(), 0);
  for (const auto& row : grid) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], reports::display_width(row[i]));
    }
  }
  std::string text;
  for (std::size_t r = 0; r < grid.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < grid[r].size(); ++i) {
      const std::string pad(widths[i] - reports::display_width(grid[r][i]), ' ');
      const bool right = r > 0 && is_number(table.rows[r - 1][i]);
      line += (i > 0 ? "  " : "") + (right ? pad + grid[r][i] : grid[r][i] + pad);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string markdown(const base::Table& table) {
  std::string text;
  const Grid grid = texts_of(table);
  for (std::size_t r = 0; r < grid.size(); ++r) {
    for (const std::string& cell : grid[r]) {
      text += fmt::format("| {} ", reports::markdown_escape(cell));
    }
    text += "|\n";
    if (r == 0) {
      for (std::size_t i = 0; i < table.columns.size(); ++i) text += "| --- ";
      text += "|\n";
    }
  }
  return text;
}

std::string plain(const base::Cell& cell) {
  if (const auto* count = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *count);
  if (const auto* number = std::get_if<double>(&cell)) return fmt::format("{}", *number);
  if (const auto* word = std::get_if<std::string>(&cell)) return *word;
  return "";
}

std::string csv(const base::Table& table) {
  std::string text;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    text += (i > 0 ? "," : "") + reports::csv_field(table.columns[i]);
  }
  text += "\n";
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += (i > 0 ? "," : "") + reports::csv_field(plain(row[i]));
    }
    text += "\n";
  }
  return text;
}

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

std::string render(const base::Table& table, Format format) {
  switch (format) {
    case Format::table:
      return aligned(table);
    case Format::json:
      return json(table);
    case Format::csv:
      return csv(table);
    case Format::markdown:
      return markdown(table);
  }
  return aligned(table);
}

}  // namespace windtunnel::scenarios::cli

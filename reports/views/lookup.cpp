#include "reports/views/lookup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace windtunnel::reports {

std::optional<double> fact(const ResultCase& one, const std::string& name) {
  const auto found = one.outcome.facts.find(name);
  if (found == one.outcome.facts.end()) return std::nullopt;
  return found->second;
}

std::string label(const ResultCase& one, const std::string& name) {
  const auto found = one.outcome.labels.find(name);
  return found == one.outcome.labels.end() ? "" : found->second;
}

const base::Cell* parameter(const ResultCase& one, std::string_view path) {
  for (const auto& [name, value] : one.parameters) {
    if (name == path) return &value;
  }
  return nullptr;
}

const base::Table* table(const ResultCase& one, const std::string& name) {
  const auto found = one.outcome.tables.find(name);
  return found == one.outcome.tables.end() ? nullptr : &found->second;
}

std::string parameter_text(const ResultCase& one, std::string_view path) {
  const base::Cell* value = parameter(one, path);
  return value == nullptr ? "" : cell_text(*value, unit_of(path));
}

std::vector<std::string> varying_parameters(const Result& result) {
  std::vector<std::string> order;
  std::map<std::string, std::set<std::string>> values;
  for (const ResultCase& one : result.cases) {
    for (const auto& [path, value] : one.parameters) {
      if (values.find(path) == values.end()) order.push_back(path);
      values[path].insert(cell_text(value, Unit::plain));
    }
  }
  // A case without the path counts as a value of its own.
  for (const ResultCase& one : result.cases) {
    for (auto& [path, seen] : values) {
      if (parameter(one, path) == nullptr) seen.insert("(none)");
    }
  }
  if (result.cases.size() <= 1) return order;
  std::erase_if(order, [&](const std::string& path) { return values[path].size() < 2; });
  return order;
}

bool several_scenarios(const Result& result) {
  return result.scenarios.size() > 1;
}

std::optional<std::size_t> TableReader::index(std::string_view column) const {
  const auto found = std::find(table_.columns.begin(), table_.columns.end(), column);
  if (found == table_.columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - table_.columns.begin());
}

std::string TableReader::first_of(std::initializer_list<std::string_view> columns) const {
  for (const std::string_view column : columns) {
    if (has(column)) return std::string(column);
  }
  return "";
}

const base::Cell& TableReader::cell(std::size_t row, std::string_view column) const {
  static const base::Cell kEmpty;
  const auto at = index(column);
  if (!at || row >= table_.rows.size() || *at >= table_.rows[row].size()) return kEmpty;
  return table_.rows[row][*at];
}

double TableReader::number(std::size_t row, std::string_view column) const {
  return number_in(cell(row, column));
}

std::string TableReader::word(std::size_t row, std::string_view column) const {
  return cell_text(cell(row, column), Unit::plain);
}

ViewTable table_view(const base::Table& table, const Result& result, std::size_t most_rows) {
  ViewTable view;
  std::vector<Unit> units;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const bool words = std::any_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
      return i < row.size() && std::holds_alternative<std::string>(row[i]);
    });
    view.columns.push_back(
        {title_of(table.columns[i], result.fact_info), "", words ? Align::left : Align::right});
    units.push_back(unit_of(table.columns[i], result.fact_info));
  }
  const std::size_t shown =
      most_rows == 0 ? table.rows.size() : std::min(most_rows, table.rows.size());
  for (std::size_t r = 0; r < shown; ++r) {
    std::vector<ViewCell> cells;
    for (std::size_t i = 0; i < units.size(); ++i) {
      cells.push_back({i < table.rows[r].size() ? cell_text(table.rows[r][i], units[i]) : ""});
    }
    view.rows.push_back(std::move(cells));
  }
  if (shown < table.rows.size()) {
    view.notes.push_back(fmt::format("The first {} of {} rows; result.json has them all.", shown,
                                     table.rows.size()));
  }
  return view;
}

void drop_empty_columns(ViewTable& table) {
  for (std::size_t column = table.columns.size(); column-- > table.key_columns;) {
    const bool empty = std::all_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
      return column >= row.size() || row[column].text.empty();
    });
    if (!empty || table.rows.empty()) continue;
    const auto at = static_cast<std::ptrdiff_t>(column);
    table.columns.erase(table.columns.begin() + at);
    for (auto& row : table.rows) {
      if (column < row.size()) row.erase(row.begin() + at);
    }
  }
}

namespace {

std::string fact_or_label(const ResultCase& one, const std::string& name, Unit unit) {
  const auto number = fact(one, name);
  return number ? value_text(*number, unit) : label(one, name);
}

}  // namespace

ViewTable all_facts_table(const Result& result) {
  constexpr std::size_t kMostRows = 500;
  std::set<std::string> names;
  for (const ResultCase& one : result.cases) {
    for (const auto& [name, unused] : one.outcome.facts) names.insert(name);
    for (const auto& [name, unused] : one.outcome.labels) names.insert(name);
  }
  ViewTable view;
  view.title = "Every fact of every case";
  view.detail = Detail::full;
  view.columns = {
      {"case", "", Align::left}, {"engine", "", Align::left}, {"status", "", Align::left}};
  for (const std::string& name : names) {
    const bool words =
        std::any_of(result.cases.begin(), result.cases.end(),
                    [&](const ResultCase& one) { return !label(one, name).empty(); });
    view.columns.push_back(
        {title_of(name, result.fact_info), "", words ? Align::left : Align::right});
  }
  for (const ResultCase& one : result.cases) {
    if (view.rows.size() == kMostRows) {
      view.notes.push_back(fmt::format("The first {} of {} cases; result.csv has them all.",
                                       kMostRows, result.cases.size()));
      break;
    }
    std::vector<ViewCell> row{
        {one.name}, {one.engine}, {std::string(base::to_text(one.outcome.status))}};
    for (const std::string& name : names) {
      row.push_back({fact_or_label(one, name, unit_of(name, result.fact_info))});
    }
    view.rows.push_back(std::move(row));
  }
  return view;
}

bool is_at_limit(const ResultCase& one) {
  return fact(one, "memory_at_limit").value_or(0.0) > 0.0;
}

std::optional<std::string> band_note(const Result& result) {
  for (const ResultCase& one : result.cases) {
    const auto band = one.outcome.bands.find("iteration_time_s");
    if (band == one.outcome.bands.end()) continue;
    return fmt::format("band: holds the real time with {:.0f} % probability",
                       band->second.level * 100);
  }
  return std::nullopt;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " and " : ", ";
    out += words[i];
  }
  return out;
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace windtunnel::reports

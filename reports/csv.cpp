#include "reports/csv.hpp"

#include <cmath>
#include <set>

#include "reports/escape.hpp"
#include "reports/json_emitter.hpp"
#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

std::string number_field(double value) {
  return std::isfinite(value) ? number_text(value) : "";
}

std::string cell_field(const base::Cell& cell) {
  if (const auto* number = std::get_if<double>(&cell)) return number_field(*number);
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return std::to_string(*integer);
  if (const auto* text = std::get_if<std::string>(&cell)) return csv_field(*text);
  return "";
}

std::string line(const std::vector<std::string>& fields) {
  std::string out;
  for (std::size_t i = 0; i < fields.size(); ++i) out += (i > 0 ? "," : "") + fields[i];
  return out + "\n";
}

struct Columns {
  std::vector<std::string> parameters;
  std::set<std::string> facts;
  std::set<std::string> bands;
  bool scenario = false;
};

Columns columns_of(const Result& result) {
  Columns columns;
  std::set<std::string> seen;
  for (const ResultCase& one : result.cases) {
    for (const auto& [path, unused] : one.parameters) {
      if (seen.insert(path).second) columns.parameters.push_back(path);
    }
    for (const auto& [name, unused] : one.outcome.facts) columns.facts.insert(name);
    for (const auto& [name, unused] : one.outcome.labels) columns.facts.insert(name);
    for (const auto& [name, unused] : one.outcome.bands) columns.bands.insert(name);
  }
  columns.scenario = result.scenarios.size() > 1;
  return columns;
}

std::string header(const Columns& columns) {
  std::vector<std::string> fields{"case"};
  if (columns.scenario) fields.emplace_back("scenario");
  for (const std::string& path : columns.parameters) fields.push_back(csv_field(path));
  fields.insert(fields.end(), {"engine", "status", "reason"});
  for (const std::string& name : columns.facts) fields.push_back(csv_field(name));
  for (const std::string& name : columns.bands) {
    fields.push_back(csv_field("low_" + name));
    fields.push_back(csv_field("high_" + name));
  }
  fields.emplace_back("events");
  return line(fields);
}

std::string row(const ResultCase& one, const Columns& columns) {
  std::vector<std::string> fields{csv_field(one.name)};
  if (columns.scenario) fields.push_back(csv_field(one.scenario));
  for (const std::string& path : columns.parameters) {
    const base::Cell* value = parameter(one, path);
    fields.push_back(value == nullptr ? "" : cell_field(*value));
  }
  fields.push_back(csv_field(one.engine));
  fields.emplace_back(base::to_text(one.outcome.status));
  fields.push_back(csv_field(one.outcome.reason));
  for (const std::string& name : columns.facts) {
    const auto number = fact(one, name);
    fields.push_back(number ? number_field(*number) : csv_field(label(one, name)));
  }
  for (const std::string& name : columns.bands) {
    const auto band = one.outcome.bands.find(name);
    const bool known = band != one.outcome.bands.end();
    fields.push_back(known ? number_field(band->second.low) : "");
    fields.push_back(known ? number_field(band->second.high) : "");
  }
  fields.push_back(std::to_string(one.outcome.events));
  return line(fields);
}

}  // namespace

std::string to_csv(const Result& result) {
  const Columns columns = columns_of(result);
  std::string out = header(columns);
  for (const ResultCase& one : result.cases) out += row(one, columns);
  return out;
}

std::string to_csv(const base::Table& table) {
  std::vector<std::string> fields;
  for (const std::string& column : table.columns) fields.push_back(csv_field(column));
  std::string out = line(fields);
  for (const auto& cells : table.rows) {
    fields.clear();
    for (const base::Cell& cell : cells) fields.push_back(cell_field(cell));
    out += line(fields);
  }
  return out;
}

}  // namespace windtunnel::reports

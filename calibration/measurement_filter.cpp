// --where: which rows are used.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <sstream>

#include "calibration/csv.hpp"
#include "calibration/measurement.hpp"

namespace windtunnel::calibration {
namespace {

const std::vector<std::string> kColumns{
    "kind",      "op",       "bytes",  "ranks",  "nodes",  "gpus_per_node",
    "algorithm", "protocol", "time_s", "gpu",    "fabric", "interconnect",
    "tuning",    "software", "stack",  "launch", "source", "notes"};

std::string column_of(const CollectiveMeasurement& m, const std::string& column) {
  if (column == "kind") return "collective";
  if (column == "op") return std::string(to_text(m.op));
  if (column == "bytes") return fmt::format("{}", m.bytes.value());
  if (column == "ranks") return std::to_string(m.ranks());
  if (column == "nodes") return std::to_string(m.nodes);
  if (column == "gpus_per_node") return std::to_string(m.gpus_per_node);
  if (column == "algorithm")
    return m.algorithm == collectives::Algorithm::automatic ? ""
                                                            : std::string(to_text(m.algorithm));
  if (column == "protocol")
    return m.protocol == collectives::Protocol::automatic ? "" : std::string(to_text(m.protocol));
  if (column == "gpu") return m.gpu;
  if (column == "fabric") return m.fabric;
  if (column == "interconnect") return m.interconnect;
  if (column == "tuning") return m.tuning;
  if (column == "software" || column == "stack") return m.stack;
  if (column == "launch") return m.launch;
  if (column == "source") return m.source;
  return "";
}

bool same_value(const std::string& text, const std::string& value) {
  if (text == value) return true;
  const auto a = number(text), b = number(value);
  return a && b && *a == *b;
}

// Whole values first (an interconnect may hold commas), then the parts of a comma list.
bool is_one_of(const std::string& text, const std::string& values) {
  if (same_value(text, values)) return true;
  std::istringstream in(values);
  for (std::string part; std::getline(in, part, ',');) {
    if (same_value(text, part)) return true;
  }
  return false;
}

// "rows.csv: none of 12 rows has fabric=labb; there are lab, other".
std::string says_emptied(const std::vector<CollectiveMeasurement>& rows, const std::string& column,
                         char relation, const std::vector<std::string>& values) {
  constexpr std::size_t kMost = 12;
  std::vector<std::string> there;
  for (const CollectiveMeasurement& row : rows) {
    std::string value = column_of(row, column);
    if (value.empty()) value = "(blank)";
    if (std::find(there.begin(), there.end(), value) == there.end()) there.push_back(value);
  }
  std::string meant;
  if (values.size() == 1) meant = base::did_you_mean(values[0], there);
  const std::size_t more = there.size() > kMost ? there.size() - kMost : 0;
  there.resize(there.size() - more);
  if (more > 0) there.push_back(fmt::format("{} more", more));
  return fmt::format(
      "{}: none of {} rows passes --where {}{}{}; {} there: {}{}", rows.front().origin.file,
      rows.size(), column, relation == '=' ? "=" : std::string{relation, '='},
      fmt::join(values, relation == '=' ? "," : " and "), column, fmt::join(there, ", "), meant);
}

}  // namespace

bool passes(const std::string& text, char relation, const std::vector<std::string>& values) {
  const auto holds = [&](const std::string& value) {
    if (relation == '=') return is_one_of(text, value);
    if (relation == '!') return !is_one_of(text, value);
    const auto a = number(text), b = number(value);
    return a && b && (relation == '<' ? *a <= *b : *a >= *b);
  };
  return relation == '=' ? std::any_of(values.begin(), values.end(), holds)
                         : std::all_of(values.begin(), values.end(), holds);
}

FilterGroups grouped(const std::vector<Filter>& filters) {
  FilterGroups groups;
  for (const Filter& filter : filters) {
    std::string column = filter.column;
    char relation = '=';
    if (!column.empty() && (column.back() == '<' || column.back() == '>' || column.back() == '!')) {
      relation = column.back();
      column.pop_back();
    }
    groups[{column, relation}].push_back(filter.value);
  }
  return groups;
}

void apply_filters(Measurements& measurements, const std::vector<Filter>& filters) {
  std::vector<std::string> known = kColumns;
  for (std::string& column : kernel_columns())
    if (std::find(known.begin(), known.end(), column) == known.end())
      known.push_back(std::move(column));
  for (const auto& [key, values] : grouped(filters)) {
    if (std::find(known.begin(), known.end(), key.first) == known.end()) {
      measurements.diagnostics.error(
          {}, "unknown column '" + key.first + "'" + base::did_you_mean(key.first, known));
      continue;
    }
    std::vector<CollectiveMeasurement>& rows = measurements.collectives;
    const auto passing = [&](const CollectiveMeasurement& row) {
      return passes(column_of(row, key.first), key.second, values);
    };
    if (!rows.empty() && std::none_of(rows.begin(), rows.end(), passing))
      measurements.emptied.push_back(says_emptied(rows, key.first, key.second, values));
    std::erase_if(rows, std::not_fn(passing));
  }
}

}  // namespace windtunnel::calibration

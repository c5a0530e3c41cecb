#include "reports/views/accuracy_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

namespace windtunnel::reports {
namespace {

std::size_t distinct(const TableReader& rows, std::string_view column) {
  std::set<std::string> values;
  for (std::size_t i = 0; i < rows.size(); ++i) values.insert(rows.word(i, column));
  return values.size();
}

// What tells the rows apart best by colour: the first of these that has more than one value.
std::string group_column(const TableReader& rows) {
  for (const char* column :
       {"group", "op", "kind", "gpu", "model", "fabric", "precision", "software"}) {
    if (rows.has(column) && distinct(rows, column) > 1) return column;
  }
  return rows.first_of({"group", "op", "kind", "gpu", "model", "fabric"});
}

}  // namespace

RowColumns columns_of(const TableReader& rows) {
  return {rows.first_of({"predicted_s", "predicted_time_s", "predicted"}),
          rows.first_of({"measured_s", "measured_time_s", "measured", "time_s"}),
          rows.first_of({"error", "relative_error"}),
          rows.first_of({"low_s", "band_low_s", "low", "band_low"}),
          rows.first_of({"high_s", "band_high_s", "high", "band_high"}),
          rows.first_of({"bytes", "size_bytes"}),
          group_column(rows)};
}

std::string row_label(const TableReader& rows, std::size_t row) {
  std::string out;
  for (const char* column :
       {"row", "kind", "shape", "op", "algorithm", "model", "gpu", "gpus", "fabric", "bytes",
        "ranks", "nodes", "precision", "tensor", "pipeline", "micro_batch", "rests_on"}) {
    if (!rows.has(column)) continue;
    const std::string text = cell_text(rows.cell(row, column), unit_of(column));
    if (!text.empty())
      out += (out.empty() ? "" : " · ") +
             (unit_of(column) == Unit::plain && std::isfinite(rows.number(row, column))
                  ? fmt::format("{} {}", text, title_of(column, {}))
                  : text);
  }
  return out;
}

double error_of(const TableReader& rows, std::size_t row, const RowColumns& columns) {
  if (!columns.error.empty()) return rows.number(row, columns.error);
  return rows.number(row, columns.predicted) / rows.number(row, columns.measured) - 1.0;
}

double ninth_decile(const TableReader& rows, const RowColumns& columns) {
  std::vector<double> errors;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double error = std::abs(error_of(rows, i, columns));
    if (std::isfinite(error)) errors.push_back(error);
  }
  if (errors.empty()) return NAN;
  std::sort(errors.begin(), errors.end());
  const double place = 0.9 * static_cast<double>(errors.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, errors.size() - 1);
  return errors[below] + (errors[above] - errors[below]) * (place - static_cast<double>(below));
}

base::Table thinned(const base::Table& table) {
  constexpr std::size_t kWorst = 200;
  if (table.rows.size() <= kMostPoints) return table;
  const TableReader rows(table);
  const RowColumns columns = columns_of(rows);
  const std::size_t stride = table.rows.size() / (kMostPoints - kWorst) + 1;
  std::vector<std::pair<double, std::size_t>> by_error;
  std::set<std::size_t> kept;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double error = std::abs(error_of(rows, i, columns));
    by_error.emplace_back(std::isfinite(error) ? -error : 0.0, i);
    if (i % stride == 0) kept.insert(i);
  }
  std::partial_sort(by_error.begin(), by_error.begin() + kWorst, by_error.end());
  for (std::size_t i = 0; i < kWorst; ++i) kept.insert(by_error[i].second);
  base::Table out{table.columns, {}};
  for (const std::size_t row : kept) out.rows.push_back(table.rows[row]);
  return out;
}

}  // namespace windtunnel::reports

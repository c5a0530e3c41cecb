#include "reports/views/accuracy_memory.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "reports/views/accuracy_charts.hpp"
#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

constexpr const char* kOfLayers =
    "Of the first stage's layers: embedding, head and what a layer needs while "
    "it is computed again "
    "are left out, as the formulas of arXiv 2205.05198 leave them out; with "
    "them the stage holds "
    "`whole stage`. A share is of our own prediction for the same job with "
    "tensor parallelism alone.";

bool is_timed(const ResultCase& one) {
  return fact(one, "median_abs_error").has_value();
}

bool has_whole_stages(const base::Table& rows) {
  const TableReader reader(rows);
  for (std::size_t i = 0; i < reader.size(); ++i) {
    if (std::isfinite(reader.number(i, "whole_stage_bytes"))) return true;
  }
  return false;
}

// Bytes and shares in one pair of columns: what a row states is the one or the
// other.
ViewTable rows_of(const base::Table& rows, const Result& result) {
  constexpr std::size_t kMostRows = 300;
  base::Table merged = rows;
  const auto place = [&](std::string_view name) {
    for (std::size_t i = 0; i < rows.columns.size(); ++i) {
      if (rows.columns[i] == name) return i;
    }
    return rows.columns.size();
  };
  for (const char* what : {"measured", "predicted"}) {
    const std::size_t bytes = place(fmt::format("{}_bytes", what));
    const std::size_t share = place(fmt::format("{}_fraction", what));
    if (bytes >= rows.columns.size() || share >= rows.columns.size()) continue;
    for (auto& row : merged.rows) {
      const bool is_share = std::holds_alternative<double>(row[share]);
      row[bytes] =
          is_share ? cell_text(row[share], Unit::fraction) : cell_text(row[bytes], Unit::bytes);
      row[share] = base::Cell();
    }
  }
  ViewTable view = table_view(merged, result, kMostRows);
  drop_empty_columns(view);
  return view;
}

}  // namespace

bool states_memory(const ResultCase& one) {
  return fact(one, "memory_rows").value_or(0.0) > 0.0;
}

std::string memory_sentence(const ResultCase& one) {
  const auto mean = fact(one, "memory_mean_abs_error");
  const auto bias = fact(one, "memory_bias");
  if (!states_memory(one) || !mean || !bias) return "";
  const auto rows = static_cast<std::size_t>(*fact(one, "memory_rows"));
  std::string out = fmt::format(
      "{}: the memory that {} is predicted with a mean absolute error of {} "
      "(bias {})",
      one.name, rows == 1 ? "1 row states" : fmt::format("{} rows state", rows),
      value_text(*mean, Unit::fraction), value_text(*bias, Unit::fraction));
  if (const auto null = fact(one, "memory_null_mean_abs_error"))
    out += fmt::format(" against {} of the null model", value_text(*null, Unit::fraction));
  out += is_timed(one) ? "." : "; no row states a time.";
  return out;
}

void add_memory(const Result& result, const ResultCase& one, Section& section) {
  const base::Table* rows = table(one, "memory_rows");
  const base::Table* groups = table(one, "memory_groups");
  if (rows == nullptr || groups == nullptr || rows->rows.empty()) return;
  for (Chart& chart : memory_charts(*rows, section.id)) section.charts.push_back(std::move(chart));
  ViewTable by_kind = table_view(*groups, result);
  by_kind.title = "Error of memory by what was measured";
  section.tables.push_back(std::move(by_kind));
  ViewTable each = rows_of(*rows, result);
  each.title = "Memory by row";
  each.detail = is_timed(one) ? Detail::full : Detail::headline;
  if (has_whole_stages(*rows)) each.notes.emplace_back(kOfLayers);
  section.tables.push_back(std::move(each));
}

}  // namespace windtunnel::reports

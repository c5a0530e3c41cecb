// Finding things in a Result, shared by the views.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/result.hpp"
#include "reports/view.hpp"

namespace windtunnel::reports {

std::optional<double> fact(const ResultCase& one, const std::string& name);
std::string label(const ResultCase& one, const std::string& name);  // empty where there is none
const base::Cell* parameter(const ResultCase& one, std::string_view path);
const base::Table* table(const ResultCase& one, const std::string& name);

// A parameter as a person wrote it; empty where the case has none of that path.
std::string parameter_text(const ResultCase& one, std::string_view path);

// Paths whose value is not the same in every case (all of them where there is but one case), in
// order.
std::vector<std::string> varying_parameters(const Result& result);
bool several_scenarios(const Result& result);

// Reads a table by column name; a column that is not there gives empty cells.
class TableReader {
 public:
  explicit TableReader(const base::Table& table) : table_(table) {}
  std::size_t size() const { return table_.rows.size(); }
  bool has(std::string_view column) const { return index(column).has_value(); }
  // The first of several spellings that the table has; empty where it has none.
  std::string first_of(std::initializer_list<std::string_view> columns) const;
  const base::Cell& cell(std::size_t row, std::string_view column) const;
  double number(std::size_t row, std::string_view column) const;     // NaN where there is none
  std::string word(std::size_t row, std::string_view column) const;  // integers as their digits

 private:
  std::optional<std::size_t> index(std::string_view column) const;
  const base::Table& table_;
};

// A table as it is, its columns titled and its cells in people's units. Rows beyond `most_rows` are
// left out with a note; 0: none are.
ViewTable table_view(const base::Table& table, const Result& result, std::size_t most_rows = 0);

// Takes out columns that are empty in every row, key columns excepted.
void drop_empty_columns(ViewTable& table);

// The facts of every case, for the page: one row a case.
ViewTable all_facts_table(const Result& result);

// Fits only while the allocator gives cached blocks back.
bool is_at_limit(const ResultCase& one);
inline constexpr const char* kAtLimit =
    "at the limit: fits only while the framework's allocator gives freed blocks back, which takes "
    "retries, and fragments can end the run (memory_headroom_bytes)";

// "band: holds the real time with 90 % probability", of the time of iterations; nothing where no case
// has a band of it.
std::optional<std::string> band_note(const Result& result);

// "ring, tree and in_network".
std::string joined(const std::vector<std::string>& words);
// 1 -> "1 case", 2 -> "2 cases".
std::string counted(std::size_t count, std::string_view noun);

}  // namespace windtunnel::reports

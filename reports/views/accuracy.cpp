#include "reports/views/accuracy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "reports/views/accuracy_charts.hpp"
#include "reports/views/accuracy_memory.hpp"
#include "reports/views/accuracy_rows.hpp"
#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

constexpr std::array kValidationFacts{"rows",
                                      "skipped",
                                      "median_abs_error",
                                      "mean_abs_error",
                                      "p90_abs_error",
                                      "max_abs_error",
                                      "bias",
                                      "null_mean_abs_error",
                                      "inside_band",
                                      "band_width_median",
                                      "pair_order",
                                      "pair_order_bubble_rule",
                                      "pairs",
                                      "regret",
                                      "memory_rows",
                                      "memory_median_abs_error",
                                      "memory_mean_abs_error",
                                      "memory_p90_abs_error",
                                      "memory_max_abs_error",
                                      "memory_bias",
                                      "memory_null_mean_abs_error",
                                      "memory_inside_band",
                                      "out_of_memory_rows",
                                      "out_of_memory_flagged",
                                      "out_of_memory_false_alarms",
                                      "memory_at_limit_rows",
                                      "memory_at_limit_false_alarms"};

bool tells_who_ran_out(std::string_view fact) {
  return fact.starts_with("out_of_memory") || fact.starts_with("memory_at_limit");
}

// Of files whose rows state memory alone, how many are timed says nothing.
bool is_said(const Result& result, std::string_view fact_name) {
  return fact_name != "rows" ||
         !std::all_of(result.cases.begin(), result.cases.end(), [](const ResultCase& one) {
           return states_memory(one) && fact(one, "rows").value_or(0.0) <= 0.0;
         });
}

// The numbers that say how good the predictions are: one row a number, one column a file, so that
// many numbers need no width.
ViewTable summary_table(const Result& result) {
  ViewTable view;
  view.columns.push_back({"", "", Align::left});
  for (const ResultCase& one : result.cases) view.columns.push_back({one.name, ""});
  const bool memory_is_told =
      std::any_of(result.cases.begin(), result.cases.end(), [](const ResultCase& one) {
        return fact(one, "out_of_memory_rows").value_or(0.0) > 0.0 ||
               fact(one, "out_of_memory_false_alarms").value_or(0.0) > 0.0 ||
               fact(one, "memory_at_limit_rows").value_or(0.0) > 0.0;
      });
  for (const char* name : kValidationFacts) {
    std::vector<ViewCell> row{{title_of(name, result.fact_info)}};
    bool any = false;
    for (const ResultCase& one : result.cases) {
      const auto number = fact(one, name);
      any = any || number.has_value();
      row.push_back({number ? value_text(*number, unit_of(name, result.fact_info)) : ""});
    }
    any = any && is_said(result, name);
    if (any && (!tells_who_ran_out(name) || memory_is_told)) view.rows.push_back(std::move(row));
  }
  for (const ResultCase& one : result.cases) {
    if (one.outcome.status == base::Status::ok) continue;
    view.notes.push_back(
        fmt::format("{}: {}: {}", one.name, base::to_text(one.outcome.status), one.outcome.reason));
  }
  return view;
}

void add_table(const Result& result, const ResultCase& one, const std::string& name,
               const std::string& title, Detail detail, Section& section) {
  constexpr std::size_t kMostRows = 300;
  const base::Table* rows = table(one, name);
  if (rows == nullptr || rows->rows.empty()) return;
  ViewTable view = table_view(*rows, result, kMostRows);
  if (name == "groups") view.key_columns = 2;  // by what, and which
  view.title = title;
  view.detail = detail;
  section.tables.push_back(std::move(view));
}

std::string validation_sentence(const ResultCase& one) {
  const auto rows = fact(one, "rows");
  const auto median = fact(one, "median_abs_error");
  if (!rows || !median) return "";
  std::string out =
      fmt::format("{}: {} rows predicted with a median absolute error of {}", one.name,
                  value_text(*rows, Unit::plain), value_text(*median, Unit::fraction));
  if (const auto p90 = fact(one, "p90_abs_error"))
    out += fmt::format(" (nine in ten within {})", value_text(*p90, Unit::fraction));
  if (const auto null = fact(one, "null_mean_abs_error")) {
    const auto mean = fact(one, "mean_abs_error");
    if (mean)
      out += fmt::format("; mean {} against {} of the null model",
                         value_text(*mean, Unit::fraction), value_text(*null, Unit::fraction));
  }
  out += ".";
  const auto skipped = fact(one, "skipped");
  if (skipped && *skipped > 0)
    out += fmt::format(" {} skipped.", counted(static_cast<std::size_t>(*skipped), "row"));
  return out;
}

void add_charts(const ResultCase& one, const base::Table& rows, const std::string& prefix,
                Section& section) {
  for (Chart& chart : accuracy_charts(rows, table(one, "roofline"), prefix))
    section.charts.push_back(std::move(chart));
  std::string note = thinning_note(rows);
  if (!note.empty()) section.paragraphs.push_back(std::move(note));
}

// Steps that ran out of memory, or should have by the prediction.
void add_out_of_memory(const Result& result, const ResultCase& one, Section& section) {
  const base::Table* rows = table(one, "rows");
  if (rows == nullptr) return;
  const TableReader reader(*rows);
  if (!reader.has("status")) return;
  base::Table marked{rows->columns, {}};
  for (std::size_t i = 0; i < reader.size(); ++i) {
    if (!reader.word(i, "status").empty()) marked.rows.push_back(rows->rows[i]);
  }
  if (marked.rows.empty()) return;
  ViewTable view = table_view(marked, result, 100);
  view.key_columns = 0;
  drop_empty_columns(view);
  view.key_columns = 1;
  view.title = "Rows out of memory or at its limit, and false alarms";
  view.detail = Detail::full;
  section.tables.push_back(std::move(view));
}

// Of few rows each is shown, in every format.
void add_few_rows(const Result& result, const ResultCase& one, Section& section) {
  constexpr std::size_t kFew = 40;
  const base::Table* rows = table(one, "rows");
  if (rows == nullptr || rows->rows.empty() || rows->rows.size() > kFew) return;
  const TableReader reader(*rows);
  const RowColumns columns = columns_of(reader);
  if (columns.measured.empty() || columns.predicted.empty()) return;
  base::Table picked;
  for (const std::string& name :
       {std::string("row"), std::string("line"), std::string("kind"), std::string("shape"),
        std::string("op"), std::string("algorithm"), std::string("model"), std::string("gpu"),
        std::string("gpus"), std::string("ranks"), std::string("bytes"), columns.measured,
        columns.predicted, columns.error, columns.low, columns.high}) {
    if (!name.empty() && reader.has(name)) picked.columns.push_back(name);
  }
  for (std::size_t i = 0; i < reader.size(); ++i) {
    if (!std::isfinite(reader.number(i, columns.measured))) continue;
    picked.rows.emplace_back();
    for (const std::string& name : picked.columns) {
      picked.rows.back().push_back(reader.cell(i, name));
    }
  }
  if (picked.rows.empty()) return;
  ViewTable view = table_view(picked, result);
  view.key_columns = 0;
  drop_empty_columns(view);
  view.key_columns = 1;
  view.title = "Predicted against measured";
  section.tables.push_back(std::move(view));
}

// One line a reason, with how many rows it is of and where the first stands.
void add_skipped(const ResultCase& one, Section& section) {
  const base::Table* rows = table(one, "skipped");
  if (rows == nullptr || rows->rows.empty()) return;
  const TableReader reader(*rows);
  if (!reader.has("reason") || !reader.has("line")) return;
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;  // and their lines
  for (std::size_t i = 0; i < reader.size(); ++i) {
    const std::string reason = reader.word(i, "reason");
    auto found = std::find_if(reasons.begin(), reasons.end(),
                              [&](const auto& known) { return known.first == reason; });
    if (found == reasons.end()) found = reasons.insert(reasons.end(), {reason, {}});
    found->second.push_back(reader.word(i, "line"));
  }
  ViewTable view;
  view.title = "Rows that were skipped";
  view.columns = {{"rows", ""}, {"first", "", Align::left}, {"reason", "", Align::left}};
  for (const auto& [reason, lines] : reasons) {
    view.rows.push_back({{fmt::format("{}", lines.size())}, {lines.front()}, {reason}});
  }
  section.tables.push_back(std::move(view));
}

// Charts and tables of rows of kernels: `name` is their table, `groups` that of their groups.
void add_kernel_rows(const Result& result, const ResultCase& one, const std::string& name,
                     const std::string& title, Section& section) {
  const base::Table* rows = table(one, name);
  if (rows == nullptr || rows->rows.empty()) return;
  add_charts(one, *rows, section.id + "-" + name, section);
  add_table(result, one, name, title, Detail::full, section);
}

}  // namespace

bool is_validation(const Result& result) {
  return !result.cases.empty() &&
         std::all_of(result.cases.begin(), result.cases.end(), [](const ResultCase& one) {
           return fact(one, "mean_abs_error").has_value() ||
                  (table(one, "rows") != nullptr && fact(one, "rows").has_value());
         });
}

void add_validation(const Result& result, View& view) {
  ViewTable summary = summary_table(result);
  if (result.cases.size() == 1) {
    for (const char* name :
         {"rows", "median_abs_error", "p90_abs_error", "bias", "inside_band", "memory_rows",
          "memory_mean_abs_error", "memory_bias", "memory_inside_band"}) {
      const auto number = fact(result.cases.front(), name);
      const bool of_memory = std::string_view(name).starts_with("memory");
      const bool timed = fact(result.cases.front(), "median_abs_error").has_value();
      if (number && is_said(result, name) && of_memory != timed)
        view.headline.push_back({title_of(name, result.fact_info),
                                 value_text(*number, unit_of(name, result.fact_info)), ""});
    }
  }
  view.sections.push_back({"accuracy", "Accuracy", {}, {}, {std::move(summary)}});
  for (std::size_t i = 0; i < result.cases.size(); ++i) {
    const ResultCase& one = result.cases[i];
    std::string sentence = validation_sentence(one);
    if (!sentence.empty()) view.summary.push_back(std::move(sentence));
    sentence = memory_sentence(one);
    if (!sentence.empty()) view.summary.push_back(std::move(sentence));
    const base::Table* rows = table(one, "rows");
    Section section{fmt::format("file-{}", i + 1), one.name, {}, {}, {}};
    if (rows != nullptr) add_charts(one, *rows, section.id, section);
    add_few_rows(result, one, section);
    add_table(result, one, "groups", "Error by group", Detail::headline, section);
    add_table(result, one, "kernel_groups", "Error of kernels by group", Detail::headline, section);
    add_memory(result, one, section);
    add_table(result, one, "inferred", "What was inferred where rows leave it open",
              result.cases.size() == 1 ? Detail::headline : Detail::full, section);
    add_out_of_memory(result, one, section);
    add_skipped(one, section);
    add_table(result, one, "rows", "Rows", Detail::full, section);
    add_kernel_rows(result, one, "kernel_rows", "Rows of kernels", section);
    view.sections.push_back(std::move(section));
  }
}

bool is_calibration(const Result& result) {
  return !result.cases.empty() &&
         std::all_of(result.cases.begin(), result.cases.end(),
                     [](const ResultCase& one) { return table(one, "parameters") != nullptr; });
}

namespace {

// A few numbers lead; where there are more, a table has them all.
void add_fit_headline(const Result& result, const ResultCase& one, View& view, Section& section) {
  constexpr std::size_t kMost = 6;
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (fact(one, name) && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  };
  for (const char* name :
       {"rows_fitted", "rows", "median_abs_error", "p90_abs_error", "bias", "inside_band"})
    add(name);
  for (const auto& [name, unused] : one.outcome.facts) add(name);
  ViewTable all;
  all.columns = {{"fact", "", Align::left}, {"value", ""}};
  for (const std::string& name : names) {
    const std::string title = title_of(name, result.fact_info);
    const std::string value = value_text(*fact(one, name), unit_of(name, result.fact_info));
    if (view.headline.size() < kMost) view.headline.push_back({title, value, ""});
    all.rows.push_back({{title}, {value}});
  }
  if (names.size() > kMost) section.tables.push_back(std::move(all));
}

}  // namespace

void add_calibration(const Result& result, View& view) {
  for (std::size_t i = 0; i < result.cases.size(); ++i) {
    const ResultCase& one = result.cases[i];
    std::string sentence = validation_sentence(one);
    if (!sentence.empty()) view.summary.push_back(std::move(sentence));
    Section section{fmt::format("fit-{}", i + 1), one.name, {}, {}, {}};
    if (result.cases.size() == 1) add_fit_headline(result, one, view, section);
    add_table(result, one, "held_out", "Errors on rows that the fit had not seen", Detail::headline,
              section);
    // Kernels have too many parameters for a terminal; the page and the JSON have them.
    const bool kernels = table(one, "held_out") != nullptr;
    add_table(result, one, "parameters", "Fitted parameters",
              kernels ? Detail::full : Detail::headline, section);
    add_kernel_rows(result, one, "fitted_rows", "Rows that were fitted (a sample)", section);
    if (const base::Table* residuals = table(one, "residuals")) {
      add_charts(one, *residuals, section.id, section);
      add_table(result, one, "residuals", "Residuals", Detail::full, section);
    }
    add_table(result, one, "groups", "Error by group", Detail::headline, section);
    add_table(result, one, "skipped", "Rows that were skipped", Detail::headline, section);
    view.sections.push_back(std::move(section));
  }
}

}  // namespace windtunnel::reports

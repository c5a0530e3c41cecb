#include "reports/views/train.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "reports/views/lookup.hpp"
#include "reports/views/train_charts.hpp"
#include "reports/views/train_sweep.hpp"

namespace windtunnel::reports {
namespace {

constexpr std::array kSpeed{"iteration_time_s",
                            "samples_per_s",
                            "tokens_per_s",
                            "tokens_per_s_per_gpu",
                            "tokens_per_day",
                            "days_to_tokens",
                            "mfu",
                            "hfu",
                            "model_flops_per_gpu_per_s",
                            "hardware_flops_per_gpu_per_s",
                            "bubble_fraction",
                            "schedule_bubble_fraction",
                            "all_stages_bubble_fraction",
                            "energy_per_iteration_j",
                            "cost_per_iteration_usd"};
constexpr std::array kTime{"time_compute_s",     "time_bubble_s",       "time_tensor_comm_s",
                           "time_expert_comm_s", "time_context_comm_s", "time_pipeline_comm_s",
                           "time_data_comm_s",   "time_optimizer_s",    "time_data_loading_s",
                           "time_other_s"};
constexpr std::array kMemory{
    "memory_total_bytes",     "memory_capacity_bytes",  "fits",
    "memory_at_limit",        "memory_headroom_bytes",  "memory_weights_bytes",
    "memory_gradients_bytes", "memory_optimizer_bytes", "memory_activations_bytes",
    "memory_workspace_bytes"};
constexpr std::array kJob{"parameters",    "active_parameters",      "trainable_parameters", "gpus",
                          "micro_batches", "gradient_message_bytes", "encoder_tokens"};

std::string fact_text(double value, Unit unit) {
  if (unit == Unit::bytes) return memory_text(value);
  return unit == Unit::plain ? count_text(value) : value_text(value, unit);
}

// One group of facts; those that a case does not have are not there.
class FactTable {
 public:
  FactTable(const ResultCase& one, const Result& result, std::string title)
      : one_(one), result_(result) {
    view_.title = std::move(title);
    view_.columns = {{"fact", "", Align::left}, {"value", ""}, {"band", ""}, {"", "", Align::left}};
  }

  template <class Names>
  FactTable& add(const Names& names) {
    for (const auto& name : names) add_fact(name);
    return *this;
  }

  FactTable& add_labels() {
    for (const auto& [name, text] : one_.outcome.labels) row(name, text, "");
    return *this;
  }

  ViewTable take() {
    drop_empty_columns(view_);
    return std::move(view_);
  }

 private:
  void add_fact(const std::string& name) {
    const auto number = fact(one_, name);
    if (!number) return;
    const auto band = one_.outcome.bands.find(name);
    const std::string value = name == "fits" || name == "memory_at_limit"
                                  ? std::string(*number > 0.0 ? "yes" : "no")
                                  : fact_text(*number, unit_of(name, result_.fact_info));
    // A band relative to a difference says nothing: that of the headroom is its ends.
    const bool difference = name == "memory_headroom_bytes";
    row(name, value,
        band == one_.outcome.bands.end() ? ""
        : difference
            ? fmt::format("{} to {}", memory_text(band->second.low), memory_text(band->second.high))
            : band_text(*number, band->second));
  }

  void row(const std::string& name, const std::string& value, const std::string& band) {
    const auto info = result_.fact_info.find(name);
    std::string meaning = info == result_.fact_info.end() ? "" : info->second.description;
    if (name == "fits") meaning = "the peak is below the capacity less what is kept free";
    view_.rows.push_back({{title_of(name, result_.fact_info)},
                          {value},
                          {band, Mark::muted},
                          {std::move(meaning), Mark::muted}});
  }

  const ResultCase& one_;
  const Result& result_;
  ViewTable view_;
};

// Facts that no group above knows: none is lost.
std::vector<std::string> other_facts(const ResultCase& one) {
  std::set<std::string> names;
  for (const auto& [name, unused] : one.outcome.facts) names.insert(name);
  const auto drop = [&](const auto& known) {
    for (const char* name : known) names.erase(name);
  };
  drop(kSpeed), drop(kTime), drop(kMemory), drop(kJob);
  return {names.begin(), names.end()};
}

// Parts of the iteration with their share, those of no time in a note.
ViewTable waterfall_table(const base::Table& parts, double whole) {
  ViewTable view;
  view.columns = {{"part", "", Align::left}, {"time", ""}, {"share", ""}};
  std::vector<std::string> none;
  const TableReader rows(parts);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double time = rows.number(i, "time_s");
    if (time == 0.0) {
      none.push_back(rows.word(i, "part"));
      continue;
    }
    view.rows.push_back({{rows.word(i, "part")},
                         {value_text(time, Unit::seconds)},
                         {value_text(time / whole, Unit::fraction)}});
  }
  view.rows.push_back({{"iteration"}, {value_text(whole, Unit::seconds)}, {"100.0 %"}});
  if (!none.empty()) view.notes.push_back("No time goes into " + joined(none) + ".");
  return view;
}

void add_time(const Result& result, const ResultCase& one, View& view) {
  Section section{"time", "Where the time goes", {}, {}, {}};
  const base::Table* parts = table(one, "waterfall");
  const auto whole = fact(one, "iteration_time_s");
  if (auto chart = waterfall_chart(one)) section.charts.emplace_back(std::move(*chart));
  if (parts != nullptr && whole) {
    section.tables.push_back(waterfall_table(*parts, *whole));
    ViewTable facts = FactTable(one, result, "Facts of the parts").add(kTime).take();
    facts.detail = Detail::full;
    section.tables.push_back(std::move(facts));
  } else {
    section.tables.push_back(FactTable(one, result, "").add(kTime).take());
  }
  if (const base::Table* kernels = table(one, "kernels"); kernels && !kernels->rows.empty()) {
    section.tables.push_back(table_view(*kernels, result));
    section.tables.back().title = "Kernels of the slowest stage";
  }
  view.sections.push_back(std::move(section));
}

void add_roofline(const Result& result, const ResultCase& one, View& view) {
  const base::Table* ops = table(one, "roofline");
  if (ops == nullptr || ops->rows.empty()) return;
  Section section{"roofline", "Ops of a layer", {}, {}, {}};
  if (auto chart = roofline_chart(one)) section.charts.emplace_back(std::move(*chart));
  ViewTable rows = table_view(*ops, result);
  rows.notes.push_back(
      "One rank and micro-batch of the most frequent layer, without exchanges and host.");
  rows.detail = Detail::full;
  section.tables.push_back(std::move(rows));
  view.sections.push_back(std::move(section));
}

// Columns of a table as one of its own, those of memory in one unit.
ViewTable columns_of(const base::Table& all, const Result& result,
                     const std::vector<std::string>& wanted, std::string title) {
  base::Table picked;
  std::vector<std::size_t> places;
  for (const std::string& name : wanted) {
    const auto found = std::find(all.columns.begin(), all.columns.end(), name);
    if (found == all.columns.end()) continue;
    places.push_back(static_cast<std::size_t>(found - all.columns.begin()));
    picked.columns.push_back(name);
  }
  for (const auto& row : all.rows) {
    std::vector<base::Cell> cells;
    for (const std::size_t place : places) {
      const bool memory = unit_of(all.columns[place]) == Unit::bytes;
      cells.push_back(memory ? base::Cell(memory_text(number_in(row[place]))) : row[place]);
    }
    picked.rows.push_back(std::move(cells));
  }
  ViewTable view = table_view(picked, result);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (unit_of(picked.columns[i]) == Unit::bytes) view.columns[i].align = Align::right;
  }
  view.title = std::move(title);
  return view;
}

void add_stages(const Result& result, const ResultCase& one, View& view) {
  const base::Table* stages = table(one, "stages");
  Section memory{"memory", "Memory", {}, {}, {}};
  if (stages == nullptr || stages->rows.empty()) {
    memory.tables.push_back(FactTable(one, result, "").add(kMemory).take());
    view.sections.push_back(std::move(memory));
    return;
  }
  std::vector<std::string> bytes{"stage"};
  std::vector<std::string> rest;
  for (const std::string& name : stages->columns)
    (unit_of(name) == Unit::bytes ? bytes : rest).push_back(name);
  view.sections.push_back({"stages", "Stages", {}, {}, {columns_of(*stages, result, rest, "")}});
  if (auto chart = stage_memory_chart(one)) memory.charts.emplace_back(std::move(*chart));
  memory.tables.push_back(columns_of(*stages, result, bytes, ""));
  ViewTable facts = FactTable(one, result, "Facts of the fullest stage").add(kMemory).take();
  facts.detail = Detail::full;
  memory.tables.push_back(std::move(facts));
  view.sections.push_back(std::move(memory));
}

void add_headline(const Result& result, const ResultCase& one, View& view) {
  const auto add = [&](const char* name, const std::string& note) {
    const auto number = fact(one, name);
    if (!number) return;
    view.headline.push_back({title_of(name, result.fact_info),
                             fact_text(*number, unit_of(name, result.fact_info)), note});
  };
  const auto time = fact(one, "iteration_time_s");
  const auto band = one.outcome.bands.find("iteration_time_s");
  add("iteration_time_s",
      time && band != one.outcome.bands.end() ? band_text(*time, band->second) : "");
  add(fact(one, "tokens_per_s") ? "tokens_per_s" : "samples_per_s", "");
  add("mfu", "of the peak");
  const auto capacity = fact(one, "memory_capacity_bytes");
  const bool fits = fact(one, "fits").value_or(1.0) > 0.0;
  add("memory_total_bytes", fmt::format("{}{}", capacity ? "of " + memory_text(*capacity) : "",
                                        !fits              ? ", does not fit"
                                        : is_at_limit(one) ? ", at the limit"
                                                           : ""));
}

void add_one(const Result& result, const ResultCase& one, View& view) {
  if (one.outcome.status != base::Status::ok)
    view.summary.push_back(
        fmt::format("{}: {}.", base::to_text(one.outcome.status), one.outcome.reason));
  add_headline(result, one, view);
  ViewTable speed = FactTable(one, result, "").add(kSpeed).take();
  if (auto note = band_note(result)) speed.notes.push_back(*std::move(note));
  view.sections.push_back({"speed", "Speed", {}, {}, {std::move(speed)}});
  add_time(result, one, view);
  add_roofline(result, one, view);
  add_stages(result, one, view);
  view.sections.push_back(
      {"job", "Model and job", {}, {}, {FactTable(one, result, "").add(kJob).add_labels().take()}});
  ViewTable rest = FactTable(one, result, "").add(other_facts(one)).take();
  if (!rest.rows.empty())
    view.sections.push_back({"other-facts", "Further facts", {}, {}, {std::move(rest)}});
}

}  // namespace

bool is_training(const Result& result) {
  return std::any_of(result.cases.begin(), result.cases.end(), [](const ResultCase& one) {
    return fact(one, "iteration_time_s").has_value() && fact(one, "time_compute_s").has_value();
  });
}

void add_training(const Result& result, View& view) {
  if (result.cases.size() == 1) {
    add_one(result, result.cases.front(), view);
  } else {
    add_training_sweep(result, view);
  }
}

}  // namespace windtunnel::reports

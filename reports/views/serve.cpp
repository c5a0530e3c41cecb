#include "reports/views/serve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "reports/views/lookup.hpp"
#include "reports/views/serve_charts.hpp"
#include "reports/views/serve_sweep.hpp"
#include "reports/views/train_charts.hpp"

namespace windtunnel::reports {
namespace {

struct Latency {
  const char* key;
  const char* name;
  const char* meaning;
};
// The definitions, once: every number of a latency on the page means this.
constexpr std::array<Latency, 5> kLatencies{
    {{"ttft", "TTFT", "first token at the client, from the arrival of its request"},
     {"tpot", "TPOT", "(e2e - TTFT) / (output tokens - 1), of requests of 2 tokens and more"},
     {"itl", "ITL", "between two tokens of a request; tokens that come in one event are 0 apart"},
     {"e2e", "e2e", "last token at the client, from the arrival of its request"},
     {"queue", "queue", "from arrival to the first step that works on the request"}}};
constexpr std::array kShares{"mean", "p50", "p90", "p99"};
constexpr std::array kThroughput{"request_throughput_per_s",
                                 "output_tokens_per_s",
                                 "total_tokens_per_s",
                                 "output_tokens_per_s_per_gpu",
                                 "output_tokens_per_s_per_user",
                                 "goodput_per_s",
                                 "slo_attainment",
                                 "makespan_s",
                                 "cost_per_million_output_tokens_usd",
                                 "energy_per_output_token_j"};
constexpr std::array kRequests{"requests",
                               "completed",
                               "rejected",
                               "in_flight",
                               "preemptions",
                               "saturated",
                               "requests_in_system_mean",
                               "max_rate_per_s"};
constexpr std::array kEngine{
    "gpus",      "batch_mean",       "steps",          "gpu_busy_fraction", "kv_blocks",
    "kv_tokens", "kv_peak_fraction", "prefix_hit_rate"};

std::string fact_text(const std::string& name, double value, const Result& result) {
  const Unit unit = unit_of(name, result.fact_info);
  return unit == Unit::plain ? count_text(value) : value_text(value, unit);
}

ViewTable fact_table(const ResultCase& one, const Result& result,
                     const std::vector<std::string>& names) {
  ViewTable view;
  view.columns = {{"fact", "", Align::left}, {"value", ""}, {"band", ""}, {"", "", Align::left}};
  for (const std::string& name : names) {
    const auto number = fact(one, name);
    if (!number) continue;
    const auto band = one.outcome.bands.find(name);
    const auto info = result.fact_info.find(name);
    view.rows.push_back(
        {{title_of(name, result.fact_info)},
         {fact_text(name, *number, result)},
         {band == one.outcome.bands.end() ? "" : band_text(*number, band->second), Mark::muted},
         {info == result.fact_info.end() ? "" : info->second.description, Mark::muted}});
  }
  drop_empty_columns(view);
  return view;
}

template <std::size_t N>
std::vector<std::string> words(const std::array<const char*, N>& names) {
  return {names.begin(), names.end()};
}

// Facts that no group above knows: none is lost.
std::vector<std::string> other_facts(const ResultCase& one) {
  std::set<std::string> names;
  for (const auto& [name, unused] : one.outcome.facts) names.insert(name);
  const auto drop = [&](const auto& known) {
    for (const char* name : known) names.erase(name);
  };
  drop(kThroughput), drop(kRequests), drop(kEngine);
  for (const Latency& latency : kLatencies) {
    for (const char* share : kShares) names.erase(fmt::format("{}_{}_s", latency.key, share));
  }
  return {names.begin(), names.end()};
}

ViewTable latency_table(const ResultCase& one) {
  ViewTable view;
  view.columns = {{"latency", "", Align::left}};
  for (const char* share : kShares) view.columns.push_back({share, ""});
  view.columns.push_back({"band of p50", ""});
  view.columns.push_back({"", "", Align::left});
  for (const Latency& latency : kLatencies) {
    if (!fact(one, fmt::format("{}_mean_s", latency.key))) continue;
    std::vector<ViewCell> row{{latency.name}};
    for (const char* share : kShares) {
      const auto value = fact(one, fmt::format("{}_{}_s", latency.key, share));
      row.push_back({value ? value_text(*value, Unit::seconds) : ""});
    }
    const std::string median = fmt::format("{}_p50_s", latency.key);
    const auto band = one.outcome.bands.find(median);
    const auto value = fact(one, median);
    row.push_back({value && band != one.outcome.bands.end() ? band_text(*value, band->second) : "",
                   Mark::muted});
    row.push_back({latency.meaning, Mark::muted});
    view.rows.push_back(std::move(row));
  }
  drop_empty_columns(view);
  return view;
}

void add_headline(const Result& result, const ResultCase& one, View& view) {
  const auto add = [&](const std::string& name, const std::string& note) {
    const auto number = fact(one, name);
    if (!number) return;
    view.headline.push_back(
        {title_of(name, result.fact_info), fact_text(name, *number, result), note});
  };
  const auto p99 = [&](const std::string& key) {
    const auto value = fact(one, key + "_p99_s");
    return value ? "p99 " + value_text(*value, Unit::seconds) : std::string();
  };
  const bool tokens = fact(one, "tpot_p50_s").value_or(0.0) > 0.0;
  if (tokens) {
    add("ttft_p50_s", p99("ttft"));
    add("tpot_p50_s", p99("tpot"));
    add("output_tokens_per_s_per_gpu", "");
  } else {
    add("e2e_p50_s", p99("e2e"));
    add("request_throughput_per_s", "");
  }
  add(fact(one, "slo_attainment") ? "slo_attainment" : "gpu_busy_fraction", "");
}

void add_summary(const ResultCase& one, View& view) {
  if (one.outcome.status != base::Status::ok) {
    view.summary.push_back(
        fmt::format("{}: {}.", base::to_text(one.outcome.status), one.outcome.reason));
  }
  if (fact(one, "saturated").value_or(0.0) > 0.0) {
    view.summary.emplace_back(
        "Saturated: requests come faster than they are served, so latencies grow with the length "
        "of the run.");
  }
  const double rejected = fact(one, "rejected").value_or(0.0);
  if (rejected > 0.0) {
    view.summary.push_back(fmt::format("{:.0f} of {:.0f} requests turned away.", rejected,
                                       fact(one, "requests").value_or(0.0)));
  }
}

void add_load(const Result& result, const ResultCase& one, View& view) {
  Section load{"load", "Load over time", {}, {}, {}};
  for (XyChart& chart : load_charts(one)) load.charts.emplace_back(std::move(chart));
  if (auto chart = replica_timeline(one)) load.charts.emplace_back(std::move(*chart));
  if (!load.charts.empty()) view.sections.push_back(std::move(load));
  Section engines{"engines", "Engines", {}, {}, {}};
  engines.tables.push_back(fact_table(one, result, words(kEngine)));
  if (const base::Table* replicas = table(one, "replicas"); replicas && replicas->rows.size() > 1) {
    engines.tables.push_back(table_view(*replicas, result, 64));
  }
  view.sections.push_back(std::move(engines));
}

void add_memory(const Result& result, const ResultCase& one, View& view) {
  const base::Table* memory = table(one, "memory");
  if (memory == nullptr || memory->rows.empty()) return;
  Section section{"memory", "Memory", {}, {}, {}};
  if (auto chart = serving_memory_chart(one)) section.charts.emplace_back(std::move(*chart));
  ViewTable shown;
  shown.columns = {{"part", "", Align::left}, {"bytes of a GPU", ""}};
  const TableReader rows(*memory);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    shown.rows.push_back({{rows.word(i, "part")}, {memory_text(rows.number(i, "bytes"))}});
  }
  section.tables.push_back(std::move(shown));
  if (const base::Table* steps = table(one, "steps"); steps && !steps->rows.empty()) {
    view.sections.push_back({"steps", "Parts of a step", {}, {}, {table_view(*steps, result)}});
  }
  view.sections.push_back(std::move(section));
}

void add_one(const Result& result, const ResultCase& one, View& view) {
  add_summary(one, view);
  add_headline(result, one, view);
  Section latency{"latency", "Latency", {}, {}, {}};
  if (auto chart = latency_distribution_chart(one)) latency.charts.emplace_back(std::move(*chart));
  ViewTable table_of_latency = latency_table(one);
  if (!table_of_latency.rows.empty()) {
    latency.tables.push_back(std::move(table_of_latency));
    view.sections.push_back(std::move(latency));
  }
  view.sections.push_back({"throughput", "Throughput", {}, {}, {}});
  view.sections.back().tables.push_back(fact_table(one, result, words(kThroughput)));
  view.sections.back().tables.push_back(fact_table(one, result, words(kRequests)));
  add_load(result, one, view);
  add_memory(result, one, view);
  ViewTable rest = fact_table(one, result, other_facts(one));
  for (const auto& [name, text] : one.outcome.labels) {
    rest.rows.push_back({{title_of(name, result.fact_info)}, {text}});
    rest.rows.back().resize(rest.columns.size());
  }
  if (!rest.rows.empty())
    view.sections.push_back({"other-facts", "Further facts", {}, {}, {std::move(rest)}});
}

}  // namespace

bool is_serving(const Result& result) {
  return std::any_of(result.cases.begin(), result.cases.end(), [](const ResultCase& one) {
    return fact(one, "requests").has_value() && fact(one, "completed").has_value();
  });
}

void add_serving(const Result& result, View& view) {
  if (result.cases.size() == 1) {
    add_one(result, result.cases.front(), view);
  } else {
    add_serving_sweep(result, view);
  }
}

}  // namespace windtunnel::reports

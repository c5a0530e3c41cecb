#include "tests/reports/sample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/unit.hpp"
#include "sim/base/random.hpp"

namespace windtunnel::reports::sample {
namespace {

using base::Cell;
using base::Table;
constexpr int kRanks = 128;
constexpr double kBusFactor = 2.0 * (kRanks - 1) / kRanks;

struct Law {
  const char* algorithm;
  double latency_s;
  double bandwidth;  // bytes/s of bus bandwidth at large sizes
  std::int64_t steps;
};
constexpr Law kLaws[]{{"ring", 760e-6, 370e9, 254},
                      {"double_binary_tree", 64e-6, 250e9, 28},
                      {"in_network", 28e-6, 190e9, 6}};

double time_of(const Law& law, double bytes) {
  return law.latency_s + kBusFactor * bytes / law.bandwidth;
}

void add_facts(base::Outcome& outcome, const Law& law, double bytes) {
  const double time = time_of(law, bytes);
  outcome.facts = {{"time_s", time},
                   {"bytes", bytes},
                   {"ranks", kRanks},
                   {"steps", static_cast<double>(law.steps)},
                   {"algbw_bytes_per_s", bytes / time},
                   {"busbw_bytes_per_s", kBusFactor * bytes / time},
                   {"lower_bound_s", 14e-6 + kBusFactor * bytes / 400e9}};
  outcome.labels = {{"algorithm", law.algorithm}, {"protocol", bytes < 1e6 ? "ll" : "simple"}};
  const double spread = bytes < 1e5 ? 0.18 : 0.07;
  outcome.bands["time_s"] = {time * (1 - spread), time * (1 + spread * 1.4), 0.9};
  outcome.rests_on["time_s"] = bytes < 6e8 ? std::vector<std::string>{"measured", "interpolated"}
                                           : std::vector<std::string>{"extrapolated"};
  outcome.events = law.steps * kRanks;
}

void add_links(base::Outcome& outcome) {
  Table links{{"link", "kind", "bytes", "utilisation"}, {}};
  for (std::int64_t node = 0; node < 16; ++node) {
    for (std::int64_t nic = 0; nic < 8; ++nic) {
      for (const char* way : {"in", "out"}) {
        const double used = nic == 0 ? 0.93 : 0.04 * static_cast<double>(nic);
        links.rows.push_back(
            {fmt::format("node{}.nic{}.{}", node, nic, way), std::string("nic"), used * 4e8, used});
      }
      links.rows.push_back({fmt::format("node{}.gpu{}.scale_up.out", node, nic),
                            std::string("scale_up"), 2e8, 0.31});
    }
  }
  for (std::int64_t leaf = 0; leaf < 4; ++leaf) {
    links.rows.push_back({fmt::format("leaf{}.up0", leaf), std::string("fabric"), 1e8, 0.12});
  }
  outcome.tables["links"] = links;
}

void add_alternatives(base::Outcome& outcome, double bytes) {
  Table table{{"algorithm", "protocol", "time_s"}, {}};
  for (const Law& law : kLaws) {
    table.rows.push_back({std::string(law.algorithm), std::string(bytes < 1e6 ? "ll" : "simple"),
                          time_of(law, bytes)});
  }
  std::sort(table.rows.begin(), table.rows.end(), [](const auto& a, const auto& b) {
    return std::get<double>(a[2]) < std::get<double>(b[2]);
  });
  outcome.tables["alternatives"] = table;
}

const Law& fastest(double bytes) {
  const Law* best = &kLaws[0];
  for (const Law& law : kLaws) {
    if (time_of(law, bytes) < time_of(*best, bytes)) best = &law;
  }
  return *best;
}

ResultCase collective_case(const std::string& algorithm, const Law& law, double bytes) {
  ResultCase one;
  one.name = fmt::format("all_reduce {} {}", algorithm, size_text(bytes));
  one.parameters = {{"workload.op", std::string("all_reduce")},
                    {"workload.algorithm", algorithm},
                    {"workload.size", size_text(bytes)}};
  one.engine = "simgrid";
  one.wall_s = 0.125;
  if (algorithm == "in_network" && bytes > 256.0 * 1024 * 1024) {
    one.outcome.status = base::Status::infeasible;
    one.outcome.reason = "the buffers of the reducing switches hold 256MiB";
    return one;
  }
  add_facts(one.outcome, law, bytes);
  if (algorithm == "auto") add_alternatives(one.outcome, bytes);
  return one;
}

Table crossovers() {
  return {{"scenario", "op", "ranks", "sweep", "from", "to", "bytes"},
          {{std::string(), std::string("all_reduce"), std::int64_t{kRanks}, std::string(),
            std::string("in_network"), std::string("double_binary_tree"), 14'250'000.0},
           {std::string(), std::string("all_reduce"), std::int64_t{kRanks}, std::string(),
            std::string("double_binary_tree"), std::string("ring"), 269'000'000.0}}};
}

Table measured(double first, double last) {
  Table table{{"op", "algorithm", "ranks", "bytes", "time_s", "busbw_bytes_per_s", "source"}, {}};
  base::RandomStream random(7, "measured");
  for (double bytes = first; bytes <= last; bytes *= 4) {
    for (const Law* law : {&kLaws[0], &kLaws[1]}) {
      const double time = time_of(*law, bytes) * random.log_normal(1.0, 0.06);
      table.rows.push_back({std::string("all_reduce"), std::string(law->algorithm),
                            std::int64_t{kRanks}, bytes, time, kBusFactor * bytes / time,
                            std::string("nccl-tests log of the tests")});
    }
  }
  return table;
}

std::map<std::string, base::FactInfo> collective_info() {
  return {{"time_s", {"time", "s", "time of one collective"}},
          {"busbw_bytes_per_s", {"busbw", "bytes/s", "bus bandwidth as nccl-tests defines it"}},
          {"algbw_bytes_per_s", {"algbw", "bytes/s", "size over time"}},
          {"lower_bound_s", {"lower bound", "s", "what no algorithm can beat on this cluster"}},
          {"bytes", {"size", "bytes", "larger buffer of a rank"}},
          {"ranks", {"ranks", "", "GPUs that take part"}},
          {"steps", {"steps", "", "messages on the critical path"}},
          {"algorithm", {"algorithm", "", "algorithm that ran"}}};
}

Result frame(const std::string& name) {
  Result result;
  result.tool_version = "0.1.0";
  result.tool_git = "0123abc";
  result.seed = 1;
  if (!name.empty())
    result.scenarios = {
        {name, "scenarios/library/collectives/" + name + ".yaml", std::string(64, 'a')}};
  return result;
}

}  // namespace

Table ring_timeline(int ranks, int steps) {
  Table table{{"participant", "channel", "kind", "label", "peer", "bytes", "start_s", "end_s"}, {}};
  for (int step = 0; step < steps; ++step) {
    for (int rank = 0; rank < ranks; ++rank) {
      const int next = (rank + 1) % ranks;
      const double start = 12e-6 * step + 0.2e-6 * rank;
      const std::string label = fmt::format("step {}", step);
      table.rows.push_back({fmt::format("rank {}", rank), std::int64_t{0}, std::string("send"),
                            label, fmt::format("rank {}", next), 65536.0, start, start + 10e-6});
      if (step % 3 == 0) {
        table.rows.push_back({fmt::format("rank {}", next), std::int64_t{0}, std::string("compute"),
                              std::string("reduce"), Cell{}, Cell{}, start + 10e-6,
                              start + 11.5e-6});
      }
    }
  }
  return table;
}

Result collective_sweep() {
  Result result = frame("ring-vs-tree");
  constexpr double kFirst = 1024.0;
  constexpr double kLast = 1024.0 * 1024 * 1024;
  for (const Law& law : kLaws) {
    for (double bytes = kFirst; bytes <= kLast; bytes *= 4)
      result.cases.push_back(collective_case(law.algorithm, law, bytes));
  }
  for (double bytes = kFirst; bytes <= kLast; bytes *= 4)
    result.cases.push_back(collective_case("auto", fastest(bytes), bytes));
  result.cases[2].outcome.tables["timeline"] = ring_timeline(16, 30);
  result.cases[14].outcome.tables["timeline"] = ring_timeline(8, 6);
  add_links(result.cases[10].outcome);
  add_links(result.cases[2].outcome);
  result.fact_info = collective_info();
  result.tables["crossovers"] = crossovers();
  result.tables["measured"] = measured(kFirst, kLast);
  result.calibrations = {"h100-sxm"};
  result.warnings = {
      "no profile speaks about in_network on this fabric; its times come from the model alone"};
  return result;
}

Result single_case() {
  Result result = collective_sweep();
  result.tables.clear();
  result.cases = {result.cases[2]};
  return result;
}

Result validation(std::size_t rows) {
  Result result = frame("");
  ResultCase one;
  one.name = "h100_multi_node.csv";
  one.parameters = {{"file", std::string("h100_multi_node.csv")}};
  Table table{{"row", "op", "gpu", "nodes", "bytes", "predicted_s", "measured_s", "error", "low_s",
               "high_s", "rests_on"},
              {}};
  base::RandomStream random(11, "validation");
  const char* ops[]{"all_reduce", "all_gather", "reduce_scatter", "all_to_all"};
  for (std::size_t i = 0; i < rows; ++i) {
    const double bytes = std::exp2(10.0 + std::floor(random.uniform(0, 22)));
    const double measured = 50e-6 + bytes / 200e9 * random.log_normal(1, 0.2);
    const double predicted = measured * random.log_normal(1.02, 0.12);
    table.rows.push_back({static_cast<std::int64_t>(i + 2), std::string(ops[i % 4]),
                          std::string("h100-sxm"), std::int64_t{1} << (i % 5), bytes, predicted,
                          measured, predicted / measured - 1, predicted * 0.8, predicted * 1.25,
                          std::string("interpolated")});
  }
  one.outcome.tables["rows"] = table;
  one.outcome.tables["groups"] = {
      {"group", "rows", "median_abs_error", "p90_abs_error", "bias", "inside_band"},
      {{std::string("h100-sxm, aws-p5, all_reduce"), std::int64_t{210}, 0.081, 0.212, 0.013, 0.91},
       {std::string("h100-sxm, aws-p5, all_gather"), std::int64_t{180}, 0.094, 0.26, -0.02, 0.88}}};
  one.outcome.tables["skipped"] = {{"line", "reason"},
                                   {{std::int64_t{17}, std::string("no time_s and no busbw")}}};
  one.outcome.facts = {{"rows", static_cast<double>(rows)},
                       {"skipped", 1},
                       {"mean_abs_error", 0.102},
                       {"median_abs_error", 0.083},
                       {"p90_abs_error", 0.214},
                       {"max_abs_error", 0.61},
                       {"bias", 0.021},
                       {"null_mean_abs_error", 0.48},
                       {"inside_band", 0.9},
                       {"band_width_median", 0.45}};
  result.cases = {one};
  return result;
}

Result calibration() {
  Result result = frame("");
  ResultCase one;
  one.name = "gh200-alps";
  one.outcome.facts = {{"rows", 310}, {"held_out_rows", 60}, {"median_abs_error", 0.07}};
  one.outcome.tables["parameters"] = {
      {"parameter", "value", "unit", "standard_error"},
      {{std::string("latency per hop, ll"), 2.31, std::string("us"), 0.12},
       {std::string("bandwidth per channel"), 11.9, std::string("GB/s"), 0.4}}};
  Table residuals = validation(80).cases.front().outcome.tables["rows"];
  one.outcome.tables["residuals"] = residuals;
  result.cases = {one};
  return result;
}

Result unknown_workload() {
  Result result = frame("train");
  for (const std::int64_t tensor : {1, 2, 4, 8}) {
    ResultCase one;
    one.name = fmt::format("strategy.tensor={}", tensor);
    one.parameters = {{"strategy.tensor", tensor}};
    one.engine = "analytic";
    one.outcome.facts = {{"iteration_time_s", 18.1 / static_cast<double>(tensor)},
                         {"mfu", 0.41},
                         {"memory_total_bytes", 8e10}};
    if (tensor == 1) {
      one.outcome.status = base::Status::infeasible;
      one.outcome.reason = "out of memory: 120 GiB of 80 GiB";
    }
    one.outcome.tables["curve"] = {{"time_s", "loss"}, {{1.0, 2.5}, {2.0, 2.25}}};
    result.cases.push_back(one);
  }
  return result;
}

}  // namespace windtunnel::reports::sample

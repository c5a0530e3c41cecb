#include "reports/views/serve_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "reports/palette.hpp"
#include "reports/views/lookup.hpp"
#include "reports/views/train_charts.hpp"

namespace windtunnel::reports {
namespace {

constexpr std::size_t kMostLines = 6;     // replicas with a line of their own
constexpr std::size_t kMostPoints = 400;  // of a line

struct Latency {
  const char* column;
  const char* name;
  int color;
};
constexpr std::array<Latency, 4> kLatencies{
    {{"tpot_s", "TPOT", 2}, {"queue_s", "queue", 4}, {"ttft_s", "TTFT", 0}, {"e2e_s", "e2e", 1}}};

// Values in order, a point at each of at most kMostPoints shares, ends included.
std::vector<ChartPoint> shares_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  std::vector<ChartPoint> points;
  const std::size_t count = values.size();
  const std::size_t steps = std::min(count, kMostPoints);
  for (std::size_t i = 0; i < steps; ++i) {
    const std::size_t at = steps == 1 ? 0 : i * (count - 1) / (steps - 1);
    const double share = static_cast<double>(at + 1) / static_cast<double>(count);
    points.push_back({values[at], share, std::nullopt, std::nullopt, ""});
  }
  return points;
}

struct LoadRow {
  double time = 0, waiting = 0, running = 0, kv = 0;
};

// Samples of each replica, in order of time.
std::map<std::int64_t, std::vector<LoadRow>> load_by_replica(const ResultCase& one) {
  std::map<std::int64_t, std::vector<LoadRow>> out;
  const base::Table* load = table(one, "load");
  if (load == nullptr) return out;
  const TableReader rows(*load);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double replica = rows.number(i, "replica");
    if (!std::isfinite(replica)) continue;
    out[static_cast<std::int64_t>(replica)].push_back(
        {rows.number(i, "time_s"), rows.number(i, "waiting"), rows.number(i, "running"),
         rows.number(i, "kv_fraction")});
  }
  for (auto& [replica, samples] : out) {
    std::stable_sort(samples.begin(), samples.end(),
                     [](const LoadRow& a, const LoadRow& b) { return a.time < b.time; });
  }
  return out;
}

std::vector<ChartPoint> line_of(const std::vector<LoadRow>& samples, double LoadRow::*member) {
  std::vector<ChartPoint> points;
  const std::size_t stride = samples.size() / kMostPoints + 1;
  for (std::size_t i = 0; i < samples.size(); i += stride) {
    points.push_back({samples[i].time, samples[i].*member, std::nullopt, std::nullopt, ""});
  }
  return points;
}

XyChart over_time(std::string id, std::string title, Axis y) {
  return {std::move(id), std::move(title), {"time", Unit::seconds}, std::move(y), {}, {}};
}

// How full a replica is at a sample, as an index into kLevels.
int level_of(const LoadRow& row, double most) {
  if (row.waiting > 0 && row.running > 0) return 4;
  if (row.running <= 0) return 0;
  const double share = row.running / std::max(most, 1.0);
  return share <= 1.0 / 3 ? 1 : share <= 2.0 / 3 ? 2 : 3;
}

void add_spans(const std::vector<LoadRow>& samples, int lane, double most, Timeline& out) {
  for (std::size_t i = 0; i + 1 < samples.size();) {
    const int level = level_of(samples[i], most);
    std::size_t j = i + 1;
    while (j + 1 < samples.size() && level_of(samples[j], most) == level) ++j;
    if (level > 0) {
      out.spans.push_back(
          {lane, samples[i].time, samples[j].time, level - 1,
           fmt::format("{:.0f} running, {:.0f} waiting", samples[i].running, samples[i].waiting)});
    }
    i = j;
  }
}

}  // namespace

std::optional<XyChart> latency_distribution_chart(const ResultCase& one) {
  const base::Table* requests = table(one, "requests");
  if (requests == nullptr) return std::nullopt;
  const TableReader rows(*requests);
  XyChart chart{"latencies",
                "Distribution of latencies",
                {"latency", Unit::seconds, AxisScale::log},
                {"share of requests within it", Unit::fraction},
                {},
                {}};
  for (const Latency& latency : kLatencies) {
    std::vector<double> values;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double value = rows.number(i, latency.column);
      if (std::isfinite(value) && value > 0.0) values.push_back(value);
    }
    if (values.size() < 2) continue;
    chart.series.push_back(
        {latency.name, SeriesStyle::line, latency.color, shares_of(std::move(values))});
  }
  return chart.series.empty() ? std::nullopt : std::optional(std::move(chart));
}

std::vector<XyChart> load_charts(const ResultCase& one) {
  const auto replicas = load_by_replica(one);
  if (replicas.empty()) return {};
  std::vector<XyChart> charts{
      over_time("running", "Requests that run together", {"requests in the batch"}),
      over_time("waiting", "Requests that wait", {"requests in the queue"}),
      over_time("kv", "KV cache in use", {"share of the blocks", Unit::fraction})};
  const std::array members{&LoadRow::running, &LoadRow::waiting, &LoadRow::kv};
  for (const auto& [replica, samples] : replicas) {
    if (charts.front().series.size() >= kMostLines) break;
    const std::string name = fmt::format("replica {}", replica);
    for (std::size_t i = 0; i < charts.size(); ++i) {
      charts[i].series.push_back({name, SeriesStyle::line,
                                  static_cast<int>(charts[i].series.size()),
                                  line_of(samples, members[i])});
    }
  }
  // A chart of nothing but zeros says nothing.
  std::erase_if(charts, [](const XyChart& chart) {
    return std::all_of(chart.series.begin(), chart.series.end(), [](const Series& series) {
      return std::all_of(series.points.begin(), series.points.end(),
                         [](const ChartPoint& point) { return !(point.y > 0.0); });
    });
  });
  return charts;
}

std::optional<TimelineChart> replica_timeline(const ResultCase& one) {
  constexpr std::size_t kMostLanes = 64;
  const auto replicas = load_by_replica(one);
  if (replicas.empty()) return std::nullopt;
  double most = 0;
  for (const auto& [replica, samples] : replicas) {
    for (const LoadRow& row : samples) most = std::max(most, row.running);
  }
  Timeline timeline;
  timeline.name = "replicas";
  timeline.kinds = {{fmt::format("up to {:.0f} running", most / 3), 5},
                    {fmt::format("up to {:.0f}", most * 2 / 3), 0},
                    {fmt::format("up to {:.0f}", most), 2},
                    {"requests wait", 1}};
  for (const auto& [replica, samples] : replicas) {
    if (timeline.lanes.size() >= kMostLanes) {
      timeline.note = fmt::format("The first {} of {} replicas.", kMostLanes, replicas.size());
      break;
    }
    add_spans(samples, static_cast<int>(timeline.lanes.size()), most, timeline);
    timeline.lanes.push_back(fmt::format("replica {}", replica));
  }
  if (timeline.spans.empty()) return std::nullopt;
  return TimelineChart{"replica-timeline", "Replicas over time", {std::move(timeline)}};
}

std::optional<BarChart> serving_memory_chart(const ResultCase& one) {
  const base::Table* memory = table(one, "memory");
  if (memory == nullptr || memory->rows.empty()) return std::nullopt;
  const TableReader rows(*memory);
  BarChart chart{"memory", "Memory of a GPU", {}, {"memory", Unit::bytes}, {}, {}, {}, {}};
  chart.bars.emplace_back("GPU");
  double sum = 0;
  int color = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double bytes = rows.number(i, "bytes");
    const std::string part = rows.word(i, "part");
    if (!(bytes > 0.0)) continue;
    sum += bytes;
    chart.parts.push_back({fmt::format("{} {}", part, memory_text(bytes)), color++, {bytes}});
  }
  if (chart.parts.empty()) return std::nullopt;
  chart.endings.push_back(memory_text(sum));
  return chart;
}

}  // namespace windtunnel::reports

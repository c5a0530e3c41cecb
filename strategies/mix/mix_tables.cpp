#include "strategies/mix/mix_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace windtunnel::strategies {
namespace {

using base::Seconds;

double all_bytes(const LinkMeter::Load& load) {
  return std::accumulate(load.bytes.begin(), load.bytes.end(), 0.0);
}

// The time in which all jobs run.
std::pair<Seconds, Seconds> together(const MixRun& run) {
  Seconds begin{0}, end = run.end;
  for (const MemberRun& one : run.members) {
    begin = base::max(begin, one.begin);
    end = base::min(end, one.end);
  }
  return {begin, end};
}

}  // namespace

std::vector<SharedLink> shared_links(const MixRun& run, const sim::Network& network) {
  std::vector<SharedLink> out;
  for (std::size_t i = 0; i < run.loads.size(); ++i) {
    const LinkMeter::Load& load = run.loads[i];
    const auto users =
        std::count_if(load.bytes.begin(), load.bytes.end(), [](double bytes) { return bytes > 0; });
    if (users < 2 || network.links()[i].fat_pipe) continue;
    const double could = network.links()[i].bandwidth.value() * run.end.value();
    out.push_back({i, could > 0 ? all_bytes(load) / could : 0.0});
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const SharedLink& a, const SharedLink& b) { return a.use > b.use; });
  return out;
}

base::Table shared_links_table(const MixRun& run, const sim::Network& network,
                               std::span<const MixMember> jobs, std::int64_t most_rows) {
  base::Table table{{"link", "kind", "bandwidth_bytes_per_s", "use", "busy_share", "shared_share"},
                    {}};
  for (const MixMember& job : jobs) table.columns.push_back(job.name + "_bytes");
  for (const SharedLink& one : shared_links(run, network)) {
    if (std::ssize(table.rows) >= most_rows) break;
    const LinkMeter::Load& load = run.loads[one.link];
    const sim::Link& link = network.links()[one.link];
    std::vector<base::Cell> row{network.link_name(sim::LinkId(static_cast<std::int32_t>(one.link))),
                                std::string(link_kind_text(link.kind)),
                                link.bandwidth.value(),
                                one.use,
                                load.busy / run.end.value(),
                                load.shared / run.end.value()};
    for (const double bytes : load.bytes) row.emplace_back(bytes);
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<std::size_t> measured_iterations(const MixRun& run, std::size_t job) {
  const auto [begin, end] = together(run);
  const MemberRun& member = run.members[job];
  const std::vector<SeenIteration>& all = member.trained->iterations;
  std::vector<std::size_t> within, reaching;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Seconds from = member.begin + all[i].begin, to = member.begin + all[i].end;
    if (from >= begin && to <= end) within.push_back(i);
    if (to > begin && from < end) reaching.push_back(i);
  }
  if (!within.empty()) return within;
  return reaching.empty() ? std::vector<std::size_t>{all.size() - 1} : reaching;
}

base::Table iterations_table(const MixRun& run, std::span<const MixMember> jobs) {
  base::Table table{{"job", "iteration", "start_s", "time_s", "measured"}, {}};
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    if (!run.members[j].trained) continue;
    const std::vector<std::size_t> measured = measured_iterations(run, j);
    const auto& all = run.members[j].trained->iterations;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool counts = std::binary_search(measured.begin(), measured.end(), i);
      table.rows.push_back({jobs[j].name, static_cast<std::int64_t>(i),
                            (run.members[j].begin + all[i].begin).value(), all[i].time().value(),
                            std::int64_t{counts ? 1 : 0}});
    }
  }
  return table;
}

base::Table mix_timeline(const MixRun& run, std::span<const MixMember> jobs,
                         std::int64_t most_rows) {
  TimelineRows rows;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    const MemberRun& one = run.members[j];
    const Seconds begin = one.begin;
    if (one.trained) {
      for (std::size_t i = 0; i < one.trained->iterations.size(); ++i) {
        const SeenIteration& seen = one.trained->iterations[i];
        rows.add({.participant = jobs[j].name,
                  .channel = "iterations",
                  .kind = "iteration",
                  .label = fmt::format("iteration {}", i),
                  .begin = begin + seen.begin,
                  .end = begin + seen.end});
      }
      for (const TrainSpan& span : one.trained->spans) {
        rows.add({.participant = fmt::format("{} rank {}", jobs[j].name, span.rank),
                  .channel = span.channel,
                  // A pipeline's passes have a chart of their own elsewhere.
                  .kind = span.channel == "compute" ? "compute" : std::string_view(span.kind),
                  .label = span.label,
                  .begin = begin + span.begin,
                  .end = begin + span.end});
      }
    }
    for (const KvSpan& span : one.keys) {
      rows.add({.participant = fmt::format("{} replica {}", jobs[j].name, span.from),
                .channel = "kv",
                .kind = "send",
                .label = fmt::format("keys of request {}", span.request),
                .peer = fmt::format("{} replica {}", jobs[j].name, span.to),
                .bytes = base::Bytes(span.bytes),
                .begin = begin + span.begin,
                .end = begin + span.end});
    }
  }
  return rows.table(most_rows);
}

}  // namespace windtunnel::strategies

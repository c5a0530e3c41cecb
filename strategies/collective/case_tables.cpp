#include "strategies/collective/case_tables.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace windtunnel::strategies {
namespace {

using collectives::MessageSpan;

std::string_view kind_text(sim::LinkKind kind) {
  switch (kind) {
    case sim::LinkKind::scale_up:
      return "scale_up";
    case sim::LinkKind::pcie:
      return "pcie";
    case sim::LinkKind::nic:
      return "nic";
    case sim::LinkKind::fabric:
      return "fabric";
    case sim::LinkKind::loopback:
      return "loopback";
  }
  return "";
}

enum class End { sender, receiver };

struct TimelineRow {
  const MessageSpan* span;
  End end;
};

sim::EndpointId endpoint_of(const TimelineRow& row, End end, const std::vector<GroupPlan>& plans) {
  const auto& participants = plans[static_cast<std::size_t>(row.span->group)].participants();
  const std::int32_t at = end == End::sender ? row.span->from : row.span->to;
  return participants[static_cast<std::size_t>(at)];
}

// Endpoints in order of index whose rows all fit.
std::map<sim::EndpointId, bool> kept_endpoints(const std::vector<TimelineRow>& all,
                                               const std::vector<GroupPlan>& plans,
                                               std::int64_t rows) {
  std::map<sim::EndpointId, std::int64_t> count;
  for (const TimelineRow& row : all) ++count[endpoint_of(row, row.end, plans)];
  std::map<sim::EndpointId, bool> kept;
  std::int64_t room = rows;
  for (const auto& [endpoint, rows_of_it] : count) {
    room -= rows_of_it;
    kept[endpoint] = room >= 0 || kept.empty();
  }
  return kept;
}

std::vector<TimelineRow> rows_of(const Simulation& simulation, const std::vector<GroupPlan>& plans,
                                 std::int64_t most) {
  std::vector<TimelineRow> all;
  all.reserve(2 * simulation.spans.size());
  for (const MessageSpan& span : simulation.spans) {
    all.push_back({&span, End::sender});
    all.push_back({&span, End::receiver});
  }
  if (static_cast<std::int64_t>(all.size()) > most) {
    const std::map<sim::EndpointId, bool> kept = kept_endpoints(all, plans, most);
    std::erase_if(
        all, [&](const TimelineRow& row) { return !kept.at(endpoint_of(row, row.end, plans)); });
  }
  std::stable_sort(all.begin(), all.end(), [](const TimelineRow& a, const TimelineRow& b) {
    return a.span->begin < b.span->begin;
  });
  if (static_cast<std::int64_t>(all.size()) > most) all.resize(static_cast<std::size_t>(most));
  return all;
}

}  // namespace

base::Table links_table(const Simulation& simulation, const sim::Network& network,
                        base::Seconds time, std::int64_t rows) {
  base::Table table{{"link", "kind", "bytes", "utilisation"}, {}};
  const auto links = network.links();
  std::vector<std::pair<double, std::size_t>> busiest;  // utilisation, link
  for (std::size_t i = 0; i < simulation.bytes_by_link.size(); ++i) {
    const double bytes = simulation.bytes_by_link[i];
    if (bytes <= 0 || time.value() <= 0) continue;
    busiest.emplace_back(base::Bytes(bytes) / links[i].bandwidth / time, i);
  }
  std::stable_sort(busiest.begin(), busiest.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (static_cast<std::int64_t>(busiest.size()) > rows)
    busiest.resize(static_cast<std::size_t>(rows));
  for (const auto& [utilisation, i] : busiest) {
    table.rows.push_back({network.link_name(sim::LinkId(static_cast<std::int32_t>(i))),
                          std::string(kind_text(links[i].kind)), simulation.bytes_by_link[i],
                          utilisation});
  }
  return table;
}

base::Table timeline_table(const Simulation& simulation, const std::vector<GroupPlan>& plans,
                           const sim::Network& network, std::int64_t rows) {
  base::Table table{
      {"participant", "channel", "kind", "label", "peer", "bytes", "start_s", "end_s"}, {}};
  const bool several = plans.size() > 1;
  for (const TimelineRow& row : rows_of(simulation, plans, rows)) {
    const bool sends = row.end == End::sender;
    const sim::EndpointId self = endpoint_of(row, row.end, plans);
    const sim::EndpointId peer = endpoint_of(row, sends ? End::receiver : End::sender, plans);
    const std::string label = several ? "group " + std::to_string(row.span->group) : "";
    table.rows.push_back({network.endpoint_name(self), std::int64_t{row.span->channel},
                          std::string(sends ? "send" : "recv"), label, network.endpoint_name(peer),
                          row.span->bytes, row.span->begin.value(), row.span->end.value()});
  }
  return table;
}

base::Table groups_table(const Simulation& simulation, const std::vector<base::Seconds>& alone) {
  base::Table table{{"group", "time_s", "alone_s", "slowdown"}, {}};
  for (std::size_t group = 0; group < alone.size(); ++group) {
    const double slowdown = simulation.slowdown(group);
    table.rows.push_back({static_cast<std::int64_t>(group), (alone[group] * slowdown).value(),
                          alone[group].value(), slowdown});
  }
  return table;
}

}  // namespace windtunnel::strategies

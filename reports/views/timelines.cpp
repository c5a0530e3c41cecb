#include "reports/views/timelines.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reports/lanes.hpp"
#include "reports/views/lookup.hpp"
#include "reports/views/train_timeline.hpp"

namespace windtunnel::reports {
namespace {

std::string span_label(const TrackSpan& span) {
  std::string out = span.label;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (!span.peer.empty()) add((span.kind == SpanKind::receive ? "from " : "to ") + span.peer);
  if (span.bytes > 0.0) add(size_text(span.bytes));
  return out;
}

// Neighbours of one kind with at most `gap_ns` between them become one span.
std::vector<Span> merged(const Track& track, int lane, std::int64_t gap_ns) {
  std::vector<Span> out;
  std::size_t count = 0;
  std::int64_t last_end = 0;
  for (const TrackSpan& span : track.spans) {
    const int kind = static_cast<int>(span.kind);
    if (!out.empty() && out.back().kind == kind && span.start_ns - last_end <= gap_ns &&
        gap_ns >= 0) {
      out.back().end_s = static_cast<double>(span.end_ns) * 1e-9;
      out.back().label = fmt::format("{} spans drawn as one", ++count);
    } else {
      count = 1;
      out.push_back({lane, static_cast<double>(span.start_ns) * 1e-9,
                     static_cast<double>(span.end_ns) * 1e-9, kind, span_label(span)});
    }
    last_end = span.end_ns;
  }
  return out;
}

Timeline timeline_of(const ResultCase& one, const base::Table& table) {
  const Lanes lanes = lay_out(table);
  if (is_training(lanes)) return training_timeline(one.name, lanes);
  Timeline out{one.name, {}, span_kinds(), {}, ""};
  std::size_t total = 0;
  std::int64_t end_ns = 1;
  for (const Track& track : lanes.tracks) {
    out.lanes.push_back(track.name);
    total += track.spans.size();
    for (const TrackSpan& span : track.spans) end_ns = std::max(end_ns, span.end_ns);
  }
  // -1 merges nothing; then gaps of a 4096th of the whole, doubled until few enough are left.
  for (std::int64_t gap = -1;; gap = gap < 0 ? end_ns / 4096 : gap * 2 + 1) {
    out.spans.clear();
    for (std::size_t t = 0; t < lanes.tracks.size(); ++t) {
      for (Span& span : merged(lanes.tracks[t], static_cast<int>(t), gap))
        out.spans.push_back(std::move(span));
    }
    const bool all_merged = gap > end_ns;
    if (out.spans.size() <= kMostSpans || all_merged) break;
  }
  if (out.spans.size() < total) {
    out.note = fmt::format(
        "{} spans are drawn as {}: neighbours on a row were merged. trace.json has them all.",
        total, out.spans.size());
  }
  if (lanes.skipped > 0) {
    out.note += fmt::format("{}{} without a participant or a time left out.",
                            out.note.empty() ? "" : " ", counted(lanes.skipped, "row"));
  }
  return out;
}

struct LinkPlace {
  std::string row;
  std::string column;
};

// Cut at the first number; a name without one is a row of its own.
LinkPlace place_of(const std::string& name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto first = std::find_if(name.begin(), name.end(), is_digit);
  if (first == name.end()) return {name, "0"};
  const auto last = std::find_if_not(first, name.end(), is_digit);
  return {std::string(name.begin(), first) + std::string(last, name.end()),
          std::string(first, last)};
}

template <class Key>
int index_in(const std::vector<Key>& sorted, const Key& key) {
  return static_cast<int>(std::lower_bound(sorted.begin(), sorted.end(), key, natural_less) -
                          sorted.begin());
}

std::vector<std::string> sorted_once(std::vector<std::string> names) {
  std::sort(names.begin(), names.end(), natural_less);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

HeatGrid grid_of(const ResultCase& one, const base::Table& links) {
  const TableReader reader(links);
  HeatGrid grid{one.name, {}, {}, {}};
  for (std::size_t i = 0; i < reader.size(); ++i) {
    const LinkPlace place = place_of(reader.word(i, "link"));
    grid.rows.push_back(place.row);
    grid.columns.push_back(place.column);
  }
  grid.rows = sorted_once(std::move(grid.rows));
  grid.columns = sorted_once(std::move(grid.columns));
  for (std::size_t i = 0; i < reader.size(); ++i) {
    const std::string name = reader.word(i, "link");
    const LinkPlace place = place_of(name);
    const double used = reader.number(i, "utilisation");
    if (!(used >= 0.0)) continue;
    grid.cells.push_back({index_in(grid.columns, place.column), index_in(grid.rows, place.row),
                          used,
                          fmt::format("{}: {}, {}", name, value_text(used, Unit::fraction),
                                      value_text(reader.number(i, "bytes"), Unit::bytes))});
  }
  return grid;
}

// One row a case and kind of link: how many, how busy, which is the busiest.
void add_kind_rows(const ResultCase& one, const base::Table& links, ViewTable& view) {
  struct Kind {
    std::size_t count = 0;
    double sum = 0.0;
    double most = -1.0;
    double bytes = 0.0;
    std::string busiest;
  };
  std::map<std::string, Kind> kinds;
  const TableReader reader(links);
  for (std::size_t i = 0; i < reader.size(); ++i) {
    const double used = reader.number(i, "utilisation");
    if (!(used >= 0.0)) continue;
    Kind& kind = kinds[reader.word(i, "kind")];
    ++kind.count;
    kind.sum += used;
    if (const double bytes = reader.number(i, "bytes"); bytes > 0.0) kind.bytes += bytes;
    if (used > kind.most) kind.most = used, kind.busiest = reader.word(i, "link");
  }
  for (const auto& [name, kind] : kinds) {
    view.rows.push_back({{one.name},
                         {name},
                         {fmt::format("{}", kind.count)},
                         {value_text(kind.bytes, Unit::bytes)},
                         {value_text(kind.sum / static_cast<double>(kind.count), Unit::fraction)},
                         {value_text(kind.most, Unit::fraction)},
                         {kind.busiest}});
  }
}

// Those that run first: the page opens on the first.
std::vector<const ResultCase*> running_first(const Result& result) {
  std::vector<const ResultCase*> out;
  for (const ResultCase& one : result.cases) out.push_back(&one);
  std::stable_partition(out.begin(), out.end(), [](const ResultCase* one) {
    return one->outcome.status == base::Status::ok;
  });
  return out;
}

}  // namespace

void add_timelines(const Result& result, View& view) {
  TimelineChart chart{"timeline", "Timeline", {}};
  std::size_t spans = 0;
  std::size_t left_out = 0;
  for (const ResultCase* shown : running_first(result)) {
    const ResultCase& one = *shown;
    const base::Table* rows = table(one, "timeline");
    if (rows == nullptr || rows->rows.empty()) continue;
    if (spans > kMostSpansOfAPage) {
      ++left_out;
      continue;
    }
    chart.timelines.push_back(timeline_of(one, *rows));
    spans += chart.timelines.back().spans.size();
  }
  if (chart.timelines.empty()) return;
  Section section{"timeline", "Timeline", {}, {}, {}};
  if (left_out > 0)
    section.paragraphs.push_back(
        fmt::format("Of the first {}; trace.json has the timelines of {} more.",
                    counted(chart.timelines.size(), "case"), left_out));
  section.charts.emplace_back(std::move(chart));
  view.sections.push_back(std::move(section));
}

void add_links(const Result& result, View& view) {
  HeatChart chart{"links", "Link utilisation", "number of the node, leaf or rail", {}};
  ViewTable kinds;
  kinds.columns = {{"case", "", Align::left},
                   {"kind", "", Align::left},
                   {"links", ""},
                   {"bytes", ""},
                   {"mean use", ""},
                   {"highest use", ""},
                   {"busiest link", "", Align::left}};
  kinds.key_columns = 2;
  kinds.detail = result.cases.size() == 1 ? Detail::headline : Detail::full;
  for (const ResultCase& one : result.cases) {
    const base::Table* links = table(one, "links");
    if (links == nullptr || links->rows.empty()) continue;
    chart.grids.push_back(grid_of(one, *links));
    add_kind_rows(one, *links, kinds);
  }
  if (chart.grids.empty()) return;
  Section section{"links", "Links", {}, {std::move(chart)}, {std::move(kinds)}};
  section.paragraphs.push_back(
      "Share of what each link could have carried in the time of the case. A row is one part of "
      "the cluster, a "
      "column its number (the node, leaf or rail).");
  view.sections.push_back(std::move(section));
}

}  // namespace windtunnel::reports

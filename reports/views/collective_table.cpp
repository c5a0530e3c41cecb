#include "reports/views/collective_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

Mark mark_of(const CollectiveGrid& grid, double row, const CollectivePoint* point) {
  if (point == nullptr || grid.columns.size() < 2) return Mark::none;
  const auto winners = grid.fastest(row);
  if (std::find(winners.begin(), winners.end(), point) == winners.end()) return Mark::none;
  return grid.uncertain(row) ? Mark::near_best : Mark::best;
}

std::string band_of(const CollectivePoint& point) {
  return point.time_band ? band_text(point.time_s, *point.time_band) : "";
}

// Time, band where the grid has any, busbw.
void add_point(const CollectiveGrid& grid, const CollectivePoint* point, Mark mark,
               std::vector<ViewCell>& cells) {
  if (point != nullptr && point->ok()) {
    cells.push_back({value_text(point->time_s, Unit::seconds), mark});
    if (grid.has_bands()) cells.push_back({band_of(*point), Mark::muted});
    cells.push_back({value_text(point->busbw, Unit::bytes_per_second)});
    return;
  }
  const std::string text =
      point == nullptr ? "" : std::string(base::to_text(point->one->outcome.status));
  cells.push_back({text, point == nullptr ? Mark::none : Mark::bad});
  if (grid.has_bands()) cells.emplace_back();
  cells.emplace_back();
}

void add_point_columns(const CollectiveGrid& grid, const std::string& group,
                       std::vector<ViewColumn>& columns) {
  columns.push_back({"time", group});
  if (grid.has_bands()) columns.push_back({"band", group});
  columns.push_back({"busbw", group});
}

ViewTable pivoted(const CollectiveGrid& grid) {
  ViewTable table;
  const bool words = grid.axis == GridAxis::variant;
  const char* title = grid.axis == GridAxis::size ? "size" : words ? "" : "ranks";
  table.columns.push_back({title, "", words ? Align::left : Align::right});
  for (const std::string& algorithm : grid.columns)
    add_point_columns(grid, algorithm, table.columns);
  for (const double row : grid.rows) {
    std::vector<ViewCell> cells{{row_text(grid, row)}};
    for (const std::string& algorithm : grid.columns) {
      const CollectivePoint* point = grid.at(row, algorithm);
      add_point(grid, point, mark_of(grid, row, point), cells);
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

// Fastest first, those without a time last.
ViewTable turned(const CollectiveGrid& grid) {
  ViewTable table;
  table.columns.push_back({"algorithm", "", Align::left});
  add_point_columns(grid, "", table.columns);
  table.columns.push_back({"lower bound", ""});
  table.columns.push_back({"steps", ""});
  const double row = grid.rows.empty() ? 0.0 : grid.rows.front();
  std::vector<const CollectivePoint*> points;
  for (const CollectivePoint& point : grid.points) points.push_back(&point);
  std::stable_sort(points.begin(), points.end(),
                   [](const CollectivePoint* a, const CollectivePoint* b) {
                     const auto order = [](const CollectivePoint* p) {
                       return p->ok() && std::isfinite(p->time_s) ? p->time_s : HUGE_VAL;
                     };
                     return order(a) < order(b);
                   });
  for (const CollectivePoint* point : points) {
    std::vector<ViewCell> cells{{point->algorithm}};
    add_point(grid, point, mark_of(grid, row, point), cells);
    const auto bound = fact(*point->one, "lower_bound_s");
    const auto steps = fact(*point->one, "steps");
    cells.push_back({bound ? value_text(*bound, Unit::seconds) : ""});
    cells.push_back({steps ? value_text(*steps, Unit::plain) : ""});
    table.rows.push_back(std::move(cells));
  }
  return table;
}

// "in_network: infeasible at 3 sizes: the fabric has no reducing switches", one line a reason.
std::vector<std::string> reasons(const CollectiveGrid& grid) {
  struct Count {
    std::string head;
    std::string reason;
    std::vector<std::string> rows;
  };
  std::vector<Count> counts;
  for (const CollectivePoint& point : grid.points) {
    if (point.ok()) continue;
    const std::string head =
        fmt::format("{}: {}", point.column, base::to_text(point.one->outcome.status));
    auto found = std::find_if(counts.begin(), counts.end(), [&](const Count& count) {
      return count.head == head && count.reason == point.one->outcome.reason;
    });
    if (found == counts.end())
      found = counts.insert(counts.end(), {head, point.one->outcome.reason, {}});
    found->rows.push_back(row_text(grid, point.row));
  }
  std::vector<std::string> out;
  for (const Count& count : counts) {
    const bool everywhere = count.rows.size() == grid.rows.size() && grid.rows.size() > 1;
    const std::string_view noun = row_noun(grid);
    const std::string where = everywhere               ? fmt::format("every {}", noun)
                              : count.rows.size() <= 4 ? joined(count.rows)
                                                       : counted(count.rows.size(), noun);
    out.push_back(fmt::format("{} at {}{}{}", count.head, where, count.reason.empty() ? "" : ": ",
                              count.reason));
  }
  return out;
}

void add_legend(const CollectiveGrid& grid, ViewTable& table) {
  bool best = false;
  bool near = false;
  for (const auto& row : table.rows) {
    for (const ViewCell& cell : row) {
      best = best || cell.mark == Mark::best;
      near = near || cell.mark == Mark::near_best;
    }
  }
  const std::string scope = table.columns.front().title == "algorithm" ? "" : " of its row";
  if (best) table.notes.push_back(fmt::format("* fastest{}", scope));
  if (near) table.notes.push_back(fmt::format("~ fastest{}, by less than the error band", scope));
  if (grid.has_bands()) {
    for (const CollectivePoint& point : grid.points) {
      if (!point.time_band) continue;
      table.notes.push_back(fmt::format("band: holds the real time with {:.0f} % probability",
                                        point.time_band->level * 100));
      break;
    }
  }
}

}  // namespace

ViewTable grid_table(const CollectiveGrid& grid, const Result& result) {
  ViewTable table = grid.rows.size() <= 1 ? turned(grid) : pivoted(grid);
  for (const Crossover& crossover : crossovers_of(grid, result)) {
    table.notes.push_back(fmt::format("crossover: {} -> {} at {}{}", crossover.from, crossover.to,
                                      size_text(crossover.bytes),
                                      crossover.leads ? "" : " (another is faster there)"));
  }
  for (std::string& reason : reasons(grid)) table.notes.push_back(std::move(reason));
  add_legend(grid, table);
  return table;
}

std::vector<Crossover> crossovers_of(const CollectiveGrid& grid, const Result& result) {
  std::vector<Crossover> out;
  const auto found = result.tables.find("crossovers");
  if (found == result.tables.end() || grid.axis != GridAxis::size) return out;
  const TableReader reader(found->second);
  const auto other = [](const std::string& word, const std::string& mine) {
    return !word.empty() && word != mine;
  };
  for (std::size_t i = 0; i < reader.size(); ++i) {
    const double ranks = reader.number(i, "ranks");
    if (other(reader.word(i, "op"), grid.op) || other(reader.word(i, "scenario"), grid.scenario))
      continue;
    if (other(reader.word(i, "sweep"), grid.sweep)) continue;
    if (std::isfinite(ranks) && std::isfinite(grid.ranks) && ranks != grid.ranks) continue;
    const double bytes = reader.number(i, "bytes");
    if (!std::isfinite(bytes)) continue;
    out.push_back(
        {reader.word(i, "from"), reader.word(i, "to"), bytes, reader.word(i, "place") != "pair"});
  }
  std::stable_sort(out.begin(), out.end(), [](const Crossover& a, const Crossover& b) {
    return std::tuple(!a.leads, a.bytes) < std::tuple(!b.leads, b.bytes);
  });
  return out;
}

namespace {

std::string with_protocol(const std::string& algorithm, const std::string& protocol) {
  return protocol.empty() ? algorithm : fmt::format("{} / {}", algorithm, protocol);
}

// What else could have been chosen, and its time against that of the choice. Both times come from
// whoever chose: NCCL reckons with other times than the engine finds, and only like may be compared
// with like.
struct RunnerUp {
  std::string name;
  double time_s = std::numeric_limits<double>::quiet_NaN();
  double ratio = std::numeric_limits<double>::quiet_NaN();
};

RunnerUp runner_up(const CollectivePoint& point, const std::string& chosen) {
  RunnerUp out{label(*point.one, "runner_up"),
               fact(*point.one, "runner_up_time_s").value_or(std::nan("")), std::nan("")};
  double own = point.time_s;
  if (const base::Table* alternatives = table(*point.one, "alternatives")) {
    const TableReader reader(*alternatives);
    for (std::size_t i = 0; i < reader.size(); ++i) {
      const std::string name =
          with_protocol(reader.word(i, "algorithm"), reader.word(i, "protocol"));
      const double time = reader.number(i, "time_s");
      if (name == chosen) {
        own = time;
      } else if (out.name.empty()) {
        out.name = name;
        out.time_s = time;
      }
    }
  }
  out.ratio = out.time_s / own;
  return out;
}

}  // namespace

ViewTable choice_table(const std::vector<CollectiveGrid>& grids) {
  ViewTable view;
  view.title = "What auto chose";
  view.columns = {{"collective", "", Align::left}, {"size", ""},
                  {"choice", "", Align::left},     {"time", ""},
                  {"runner-up", "", Align::left},  {"its time", ""},
                  {"against the choice", ""},      {"chosen by", "", Align::left}};
  view.key_columns = 2;
  for (const CollectiveGrid& grid : grids) {
    for (const CollectivePoint& point : grid.points) {
      const std::string algorithm = label(*point.one, "algorithm");
      if (point.algorithm != "auto" || !point.ok() || algorithm.empty()) continue;
      const std::string chosen = with_protocol(algorithm, label(*point.one, "protocol"));
      const RunnerUp second = runner_up(point, chosen);
      const bool known = !second.name.empty();
      const bool variants = grid.across == GridColumns::variants;
      view.rows.push_back({{variants ? fmt::format("{}, {}", grid.op, point.column) : grid.title},
                           {size_text(point.bytes)},
                           {chosen},
                           {value_text(point.time_s, Unit::seconds)},
                           {second.name},
                           {known ? value_text(second.time_s, Unit::seconds) : ""},
                           {known ? value_text(second.ratio, Unit::factor) : ""},
                           {label(*point.one, "chosen_by")}});
    }
  }
  drop_empty_columns(view);
  // A long list would bury the rest of a terminal; the page has it folded.
  constexpr std::size_t kMostRows = 40;
  if (view.rows.size() > kMostRows) view.detail = Detail::full;
  return view;
}

}  // namespace windtunnel::reports

#include "reports/views/collective.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/views/collective_charts.hpp"
#include "reports/views/collective_grid.hpp"
#include "reports/views/collective_table.hpp"
#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

// Neighbouring rows won by the same algorithm.
struct Reign {
  std::string algorithm;
  double first = 0.0;
  double last = 0.0;
};

std::vector<Reign> reigns(const CollectiveGrid& grid) {
  std::vector<Reign> out;
  for (const double row : grid.rows) {
    const auto winners = grid.fastest(row);
    if (winners.empty()) continue;
    const bool goes_on =
        !out.empty() &&
        std::any_of(winners.begin(), winners.end(), [&](const CollectivePoint* point) {
          return point->algorithm == out.back().algorithm;
        });
    if (goes_on) {
      out.back().last = row;
    } else {
      out.push_back({winners.front()->algorithm, row, row});
    }
  }
  return out;
}

// "all_reduce, 128 ranks: in_network is fastest up to 64KiB, ring from 128KiB upwards."
std::string winner_sentence(const CollectiveGrid& grid) {
  const auto winners = reigns(grid);
  if (winners.empty()) return fmt::format("{}: no algorithm has a time.", grid.title);
  if (grid.rows.size() == 1)
    return fmt::format("{}: {} is fastest.", grid.title, winners.front().algorithm);
  if (winners.size() == 1) {
    const std::string_view noun = row_noun(grid);
    return fmt::format("{}: {} is fastest at every {}.", grid.title, winners.front().algorithm,
                       noun);
  }
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < winners.size(); ++i) {
    const Reign& reign = winners[i];
    const std::string first = row_text(grid, reign.first);
    const std::string last = row_text(grid, reign.last);
    const std::string where = i == 0                    ? "up to " + last
                              : i + 1 == winners.size() ? fmt::format("from {} upwards", first)
                              : reign.first == reign.last
                                  ? "at " + first
                                  : fmt::format("from {} to {}", first, last);
    parts.push_back(fmt::format("{}{} {}", reign.algorithm, i == 0 ? " is fastest" : "", where));
  }
  return fmt::format("{}: {}.", grid.title, joined(parts));
}

// Rows in no order of their own: "fabrics: ring is fastest for 2 variants, direct for 1."
std::string winner_count_sentence(const CollectiveGrid& grid) {
  std::vector<std::pair<std::string, std::size_t>> wins;
  for (const double row : grid.rows) {
    const auto winners = grid.fastest(row);
    if (winners.empty()) continue;
    const std::string& name = winners.front()->algorithm;
    auto found =
        std::find_if(wins.begin(), wins.end(), [&](const auto& win) { return win.first == name; });
    if (found == wins.end()) found = wins.insert(wins.end(), {name, 0});
    ++found->second;
  }
  std::vector<std::string> parts;
  for (const auto& [name, count] : wins) {
    const bool first = parts.empty();
    parts.push_back(first ? fmt::format("{} is fastest for {}", name, counted(count, "variant"))
                          : fmt::format("{} for {}", name, count));
  }
  return parts.empty() ? "" : fmt::format("{}: {}.", grid.title, joined(parts));
}

// Where the winner does not stand out of the noise of the prediction.
std::string certainty_sentence(const CollectiveGrid& grid) {
  std::vector<std::string> rows;
  for (const double row : grid.rows) {
    if (grid.uncertain(row)) rows.push_back(row_text(grid, row));
  }
  if (rows.empty()) return "";
  const std::string_view noun = row_noun(grid);
  const std::string where = rows.size() == grid.rows.size() ? fmt::format("At every {}", noun)
                            : rows.size() <= 3              ? "At " + joined(rows)
                                                            : "At " + counted(rows.size(), noun);
  return fmt::format("{} the lead is smaller than the error band.", where);
}

const CollectivePoint* best(const CollectiveGrid& grid, const auto& better) {
  const CollectivePoint* found = nullptr;
  for (const CollectivePoint& point : grid.points) {
    if (!point.ok() || !std::isfinite(point.time_s)) continue;
    if (found == nullptr || better(point, *found)) found = &point;
  }
  return found;
}

void add_headline(const CollectiveGrid& grid, View& view) {
  const auto* fastest =
      best(grid, [](const auto& a, const auto& b) { return a.time_s < b.time_s; });
  const auto* widest = best(grid, [](const auto& a, const auto& b) { return a.busbw > b.busbw; });
  if (fastest == nullptr) return;
  const auto where = [&](const CollectivePoint& point) {
    return fmt::format("{} at {}", point.column, row_text(grid, point.row));
  };
  if (std::isfinite(widest->busbw)) {
    view.headline.push_back(
        {"highest busbw", value_text(widest->busbw, Unit::bytes_per_second), where(*widest)});
  }
  view.headline.push_back(
      {"shortest time", value_text(fastest->time_s, Unit::seconds), where(*fastest)});
}

void add_single(const ResultCase& one, const Result& result, View& view) {
  for (const char* name :
       {"time_s", "busbw_bytes_per_s", "algbw_bytes_per_s", "lower_bound_s", "slowdown", "steps"}) {
    const auto number = fact(one, name);
    if (!number) continue;
    const auto band = one.outcome.bands.find(name);
    const std::string note =
        band == one.outcome.bands.end() ? "" : band_text(*number, band->second);
    view.headline.push_back({title_of(name, result.fact_info),
                             value_text(*number, unit_of(name, result.fact_info)), note});
  }
}

std::string section_id(const CollectiveGrid& grid, std::size_t index) {
  return fmt::format("{}-{}", grid.op, index + 1);
}

}  // namespace

void add_collective(const Result& result, View& view) {
  const auto grids = collective_grids(result);
  if (result.cases.size() == 1) {
    add_single(result.cases.front(), result, view);
  } else {
    // Highest and shortest mean something among sizes of one collective only.
    if (grids.size() == 1 && grids.front().axis == GridAxis::size)
      add_headline(grids.front(), view);
  }
  for (std::size_t i = 0; i < grids.size(); ++i) {
    const CollectiveGrid& grid = grids[i];
    Section section{
        section_id(grid, i), grid.title, {}, grid_charts(grid, result, section_id(grid, i)), {}};
    if (grid.columns.size() > 1 && grid.across == GridColumns::algorithms) {
      std::string sentence =
          grid.axis == GridAxis::variant ? winner_count_sentence(grid) : winner_sentence(grid);
      const std::string doubt = certainty_sentence(grid);
      if (!doubt.empty()) sentence += " " + doubt;
      view.summary.push_back(std::move(sentence));
    }
    section.tables.push_back(grid_table(grid, result));
    view.sections.push_back(std::move(section));
  }
  ViewTable choices = choice_table(grids);
  if (!choices.rows.empty()) {
    if (grids.size() == 1) {  // one collective: its name would be the same in every row
      choices.columns.erase(choices.columns.begin());
      for (auto& row : choices.rows) row.erase(row.begin());
      choices.key_columns = 1;
    }
    view.sections.push_back({"choice", choices.title, {}, {}, {choices}});
    view.sections.back().tables.front().title.clear();
  }
  std::vector<ViewTable> groups = groups_tables(grids);
  if (!groups.empty()) {
    view.sections.push_back({"groups", "Groups at the same time", {}, {}, std::move(groups)});
  }
}

}  // namespace windtunnel::reports

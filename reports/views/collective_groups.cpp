#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/views/collective_table.hpp"
#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

// Groups that fared alike: "0-7", or the one name.
struct AlikeGroups {
  std::string first;
  std::string last;
  double time_s = 0.0;
  double alone_s = 0.0;
  double slowdown = 0.0;
  std::string name() const { return first == last ? first : first + "-" + last; }
};

std::vector<AlikeGroups> alike_groups(const base::Table& groups) {
  constexpr double kEqual = 1e-9;
  std::vector<AlikeGroups> out;
  const TableReader reader(groups);
  for (std::size_t i = 0; i < reader.size(); ++i) {
    const std::string name = reader.word(i, "group");
    const AlikeGroups one{name, name, reader.number(i, "time_s"), reader.number(i, "alone_s"),
                          reader.number(i, "slowdown")};
    const auto close = [&](double a, double b) { return std::abs(a - b) <= kEqual * std::abs(a); };
    if (!out.empty() && close(out.back().time_s, one.time_s) &&
        close(out.back().alone_s, one.alone_s)) {
      out.back().last = name;
    } else {
      out.push_back(one);
    }
  }
  return out;
}

}  // namespace

std::vector<ViewTable> groups_tables(const std::vector<CollectiveGrid>& grids) {
  ViewTable every;
  every.columns = {{"collective", "", Align::left},
                   {"", "", Align::left},
                   {"", ""},
                   {"group", "", Align::left},
                   {"time", ""},
                   {"alone", ""},
                   {"slowdown", ""}};
  every.title = "Each group";
  every.detail = Detail::full;
  every.key_columns = 0;
  ViewTable worst = every;
  worst.title = "";
  worst.detail = Detail::headline;
  worst.columns[3].title = "slowest group";
  for (const CollectiveGrid& grid : grids) {
    for (const CollectivePoint& point : grid.points) {
      const base::Table* groups = table(*point.one, "groups");
      if (groups == nullptr || groups->rows.empty()) continue;
      const auto alike = alike_groups(*groups);
      const auto row = [&](const AlikeGroups& one, const std::string& name) {
        return std::vector<ViewCell>{{grids.size() > 1 ? grid.title : ""},
                                     {point.column},
                                     {row_text(grid, point.row)},
                                     {name},
                                     {value_text(one.time_s, Unit::seconds)},
                                     {value_text(one.alone_s, Unit::seconds)},
                                     {value_text(one.slowdown, Unit::factor)}};
      };
      for (const AlikeGroups& one : alike) every.rows.push_back(row(one, one.name()));
      const auto slowest = std::max_element(
          alike.begin(), alike.end(),
          [](const AlikeGroups& a, const AlikeGroups& b) { return a.time_s < b.time_s; });
      worst.rows.push_back(
          row(*slowest, fmt::format("{} of {}", slowest->name(), groups->rows.size())));
    }
  }
  if (every.rows.empty()) return {};
  drop_empty_columns(worst);
  drop_empty_columns(every);
  return {worst, every};
}

}  // namespace windtunnel::reports

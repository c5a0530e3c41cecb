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

ViewTable groups_table(const Result& result) {
  ViewTable view;
  view.title = "Groups at the same time";
  view.columns = {{"case", "", Align::left},
                  {"group", "", Align::left},
                  {"time", ""},
                  {"alone", ""},
                  {"slowdown", ""}};
  for (const ResultCase& one : result.cases) {
    const base::Table* groups = table(one, "groups");
    if (groups == nullptr) continue;
    for (const AlikeGroups& alike : alike_groups(*groups)) {
      view.rows.push_back({{one.name},
                           {alike.name()},
                           {value_text(alike.time_s, Unit::seconds)},
                           {value_text(alike.alone_s, Unit::seconds)},
                           {value_text(alike.slowdown, Unit::factor)}});
    }
  }
  return view;
}

}  // namespace windtunnel::reports

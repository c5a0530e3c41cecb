#include "scenarios/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/document/parse.hpp"
#include "scenarios/document/write.hpp"

namespace windtunnel::scenarios {
namespace {

std::optional<Assignment> parse_set(const std::string& text, const Node& root,
                                    base::Diagnostics& diagnostics) {
  const base::SourceLocation where{"--set " + text, 0, 0};
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    diagnostics.error(where, "write --set path.to.field=VALUE");
    return std::nullopt;
  }
  const std::string written = text.substr(0, equals);
  const auto path = canonical_path(written, root, where, diagnostics);
  if (!path) return std::nullopt;
  if (text.find_first_not_of(" \t", equals + 1) == std::string::npos) {
    diagnostics.error(where, fmt::format("'{}' is given no value", written));
    return std::nullopt;
  }
  base::Diagnostics problems;
  auto value = parse_yaml(text.substr(equals + 1), where.file, problems);
  for (base::Diagnostic problem : problems.all()) {
    problem.where = where;
    diagnostics.add(std::move(problem));
  }
  if (!value || problems.has_errors()) return std::nullopt;
  relocate(*value, where);
  return Assignment{*path, written, std::move(*value)};
}

bool is_fixed(const Path& path, const std::vector<Assignment>& fixed) {
  return std::any_of(fixed.begin(), fixed.end(),
                     [&](const Assignment& assignment) { return assignment.path == path; });
}

class SweepReader {
 public:
  SweepReader(const Node& root, const std::vector<Assignment>& fixed,
              base::Diagnostics& diagnostics, const AxisRules& rules)
      : root_(root), fixed_(fixed), diagnostics_(diagnostics), rules_(rules) {}

  std::vector<Axis> read(const Node& sweep) {
    for (const Entry& entry : sweep.entries) {
      if (entry.key != "zip") {
        add_axis({&entry});
      } else if (entry.value.kind == NodeKind::sequence) {
        for (const Node& item : entry.value.items) add_zip(item);
      } else {
        add_zip(entry.value);
      }
    }
    return std::move(axes_);
  }

 private:
  void add_zip(const Node& zip) {
    if (zip.kind != NodeKind::mapping || zip.entries.empty()) {
      if (zip.kind != NodeKind::invalid) {
        diagnostics_.error(zip.where,
                           "zip has to be a mapping of paths to lists of the same length");
      }
      return;
    }
    std::vector<const Entry*> columns;
    for (const Entry& entry : zip.entries) columns.push_back(&entry);
    add_axis(columns);
  }

  void add_axis(const std::vector<const Entry*>& columns) {
    Axis axis;
    std::size_t length = 0;
    for (const Entry* column : columns) {
      const auto path = column_path(*column);
      if (!path) continue;
      const std::vector<Node>& values = column->value.items;
      if (length != 0 && values.size() != length) {
        diagnostics_.error(
            column->where,
            fmt::format("the lists of a zip have to be of the same length: '{}' has {}, "
                        "'{}' has {}",
                        columns.front()->key, length, column->key, values.size()));
        continue;
      }
      length = values.size();
      axis.rows.resize(length);
      if (is_fixed(*path, fixed_)) continue;
      axis.paths.push_back(*path);
      axis.written.push_back(column->key);
      for (std::size_t i = 0; i < length; ++i) axis.rows[i].push_back(values[i]);
    }
    if (axis.paths.empty()) return;
    points_ *= static_cast<double>(length);
    if (points_ > rules_.most_points) {
      diagnostics_.error(
          columns.front()->where,
          fmt::format("{} has more than {:.0f} points",
                      rules_.called == "sweep" ? "the sweep" : rules_.called, rules_.most_points));
      points_ = 1.0;
      return;
    }
    axes_.push_back(std::move(axis));
  }

  std::optional<Path> column_path(const Entry& column) {
    auto path = canonical_path(column.key, root_, column.where, diagnostics_);
    if (!path) return std::nullopt;
    if (column.value.kind == NodeKind::invalid) return std::nullopt;
    if (column.value.kind != NodeKind::sequence || column.value.items.empty()) {
      const std::string value =
          column.value.kind == NodeKind::scalar ? value_text(column.value) : "VALUE, VALUE";
      diagnostics_.error(column.value.where,
                         fmt::format("{} of '{}' has to be a list of values, as in [{}]",
                                     rules_.called, column.key, value));
      return std::nullopt;
    }
    if (std::find(seen_.begin(), seen_.end(), *path) != seen_.end()) {
      diagnostics_.error(column.where, fmt::format("'{}' is {} twice", to_text(*path),
                                                   rules_.called == "sweep" ? "swept" : "varied"));
      return std::nullopt;
    }
    seen_.push_back(*path);
    return path;
  }

  const Node& root_;
  const std::vector<Assignment>& fixed_;
  base::Diagnostics& diagnostics_;
  const AxisRules& rules_;
  std::vector<Axis> axes_;
  std::vector<Path> seen_;
  double points_ = 1.0;
};

}  // namespace

std::vector<Assignment> parse_sets(const std::vector<std::string>& sets, const Node& root,
                                   base::Diagnostics& diagnostics) {
  std::vector<Assignment> assignments;
  for (const std::string& text : sets) {
    if (auto assignment = parse_set(text, root, diagnostics)) {
      // The last of several for one path holds.
      std::erase_if(assignments, [&](const Assignment& a) { return a.path == assignment->path; });
      assignments.push_back(std::move(*assignment));
    }
  }
  return assignments;
}

std::vector<Axis> parse_sweep(const Node& sweep, const Node& root,
                              const std::vector<Assignment>& fixed, base::Diagnostics& diagnostics,
                              const AxisRules& rules) {
  if (sweep.kind == NodeKind::invalid) return {};
  if (sweep.kind != NodeKind::mapping) {
    diagnostics.error(sweep.where, fmt::format("{} has to be a mapping of paths to lists, not {}",
                                               rules.called, kind_name(sweep)));
    return {};
  }
  return SweepReader(root, fixed, diagnostics, rules).read(sweep);
}

std::vector<std::vector<Assignment>> points_of(const std::vector<Axis>& axes) {
  std::vector<std::vector<Assignment>> points{{}};
  for (const Axis& axis : axes) {
    std::vector<std::vector<Assignment>> longer;
    for (const auto& point : points) {
      for (const std::vector<Node>& row : axis.rows) {
        longer.push_back(point);
        for (std::size_t j = 0; j < row.size(); ++j) {
          longer.back().push_back({axis.paths[j], axis.written[j], row[j]});
        }
      }
    }
    points = std::move(longer);
  }
  return points;
}

Node sweep_node(const std::vector<Axis>& axes) {
  Node sweep = mapping_node({});
  Node zips = sequence_node({});
  for (const Axis& axis : axes) {
    Node columns = mapping_node({});
    for (std::size_t j = 0; j < axis.paths.size(); ++j) {
      Node values = sequence_node({});
      for (const std::vector<Node>& row : axis.rows) values.items.push_back(row[j]);
      (axis.paths.size() == 1 ? sweep : columns).set(to_text(axis.paths[j]), std::move(values));
    }
    if (axis.paths.size() > 1) zips.items.push_back(std::move(columns));
  }
  if (!zips.items.empty()) sweep.set("zip", std::move(zips));
  return sweep;
}

}  // namespace windtunnel::scenarios

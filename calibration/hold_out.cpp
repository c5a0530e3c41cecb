#include "calibration/hold_out.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "calibration/fabric_fit.hpp"
#include "calibration/fabric_model.hpp"

namespace windtunnel::calibration {
namespace {

using Rows = std::vector<CollectiveMeasurement>;

double distance(const CollectiveMeasurement& a, const CollectiveMeasurement& b) {
  const auto octaves = [](double x, double y) { return std::abs(std::log2(x / y)); };
  return octaves(a.bytes.value(), b.bytes.value()) + 2.0 * octaves(a.nodes, b.nodes) +
         2.0 * octaves(a.gpus_per_node, b.gpus_per_node) +
         0.01 *
             ((a.tuning != b.tuning) + (a.stack != b.stack) + (a.interconnect != b.interconnect));
}

LookUpErrors summary(std::vector<double> errors, std::string kind) {
  LookUpErrors out;
  out.kind = std::move(kind);
  if (errors.empty()) return out;
  std::sort(errors.begin(), errors.end());
  for (const double error : errors) out.mean_abs += error / static_cast<double>(errors.size());
  out.median_abs = errors[errors.size() / 2];
  out.p90_abs = errors[static_cast<std::size_t>(0.9 * static_cast<double>(errors.size() - 1))];
  return out;
}

template <typename Value, typename Get>
std::vector<Value> distinct(const Rows& rows, Get get) {
  std::set<Value> values;
  for (const auto& row : rows) values.insert(get(row));
  return {values.begin(), values.end()};
}

template <typename Value, typename Get>
Split alternate(const Rows& rows, const std::vector<Value>& values, SplitBy by, std::string what,
                Get get) {
  Split split{by, std::move(what), {}};
  for (const auto& row : rows) {
    const auto at = std::find(values.begin(), values.end(), get(row)) - values.begin();
    split.held_out.push_back(at % 2 == 1);
  }
  return split;
}

Split by_nodes(const Rows& rows, const std::vector<int>& nodes) {
  const std::size_t half = (nodes.size() + 1) / 2;
  const std::vector<int> low(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(half));
  const std::vector<int> high(nodes.begin() + static_cast<std::ptrdiff_t>(half), nodes.end());
  Split split{
      SplitBy::nodes, fmt::format("nodes {} -> {}", fmt::join(low, ","), fmt::join(high, ",")), {}};
  for (const auto& row : rows) split.held_out.push_back(row.nodes >= high.front());
  return split;
}

}  // namespace

LookUpErrors look_up(const Rows& fitted, const Rows& asked) {
  std::vector<double> by_time, by_busbw;
  for (const auto& row : asked) {
    const CollectiveMeasurement* nearest = nullptr;
    bool same_op = false;
    double least = 0.0;
    for (const auto& other : fitted) {
      const bool same = other.op == row.op;
      const double d = distance(row, other);
      if (nearest && (same_op && !same)) continue;
      if (!nearest || (same && !same_op) || d < least) {
        nearest = &other;
        same_op = same;
        least = d;
      }
    }
    if (!nearest) continue;
    const auto work = [](collectives::Op op, const CollectiveMeasurement& r) {
      return r.bytes.value() * collectives::bus_factor(op, r.ranks());
    };
    by_time.push_back(std::abs(nearest->time / row.time - 1.0));
    const double scale = work(row.op, row) / work(row.op, *nearest);
    by_busbw.push_back(std::abs(nearest->time * scale / row.time - 1.0));
  }
  const LookUpErrors time = summary(by_time, "time"), busbw = summary(by_busbw, "busbw");
  return time.mean_abs <= busbw.mean_abs ? time : busbw;
}

namespace {

// Adds the split where it holds out some rows and leaves some.
template <typename Value, typename Get, typename Rule>
void add_split(std::vector<Split>& splits, const Rows& rows, Split split, Get get, Rule held) {
  const auto values = distinct<Value>(rows, get);
  if (values.size() < 2) return;
  for (const auto& row : rows) {
    const auto at = std::find(values.begin(), values.end(), get(row)) - values.begin();
    split.held_out.push_back(held(static_cast<std::size_t>(at), values.size()));
  }
  splits.push_back(std::move(split));
}

}  // namespace

std::vector<Split> every_split(const Rows& rows) {
  const auto nodes = [](const auto& r) { return r.nodes; };
  const auto gpus = [](const auto& r) { return r.gpus_per_node; };
  const auto sizes = [](const auto& r) { return r.bytes.value(); };
  const auto sources = [](const auto& r) { return r.source; };
  const auto ops = [](const auto& r) { return r.op; };
  const auto upper = [](std::size_t at, std::size_t n) { return at >= (n + 1) / 2; };
  const auto lower = [](std::size_t at, std::size_t n) { return at < n / 2; };
  const auto second = [](std::size_t at, std::size_t) { return at % 2 == 1; };
  const auto first = [](std::size_t at, std::size_t) { return at % 2 == 0; };
  const auto pairs = [](std::size_t at, std::size_t) { return at / 2 % 2 == 1; };
  std::vector<Split> splits;
  add_split<int>(splits, rows, {SplitBy::nodes, "upper nodes", {}}, nodes, upper);
  add_split<int>(splits, rows, {SplitBy::nodes, "lower nodes", {}}, nodes, lower);
  add_split<int>(splits, rows, {SplitBy::gpus, "upper GPU counts", {}}, gpus, upper);
  add_split<int>(splits, rows, {SplitBy::gpus, "lower GPU counts", {}}, gpus, lower);
  add_split<int>(splits, rows, {SplitBy::gpus, "second GPU counts", {}}, gpus, second);
  add_split<double>(splits, rows, {SplitBy::sizes, "upper sizes", {}}, sizes, upper);
  add_split<double>(splits, rows, {SplitBy::sizes, "lower sizes", {}}, sizes, lower);
  add_split<double>(splits, rows, {SplitBy::sizes, "second sizes", {}}, sizes, second);
  add_split<double>(splits, rows, {SplitBy::sizes, "pairs of sizes", {}}, sizes, pairs);
  add_split<std::string>(splits, rows, {SplitBy::sources, "second sources", {}}, sources, second);
  add_split<std::string>(splits, rows, {SplitBy::sources, "first sources", {}}, sources, first);
  add_split<collectives::Op>(splits, rows, {SplitBy::ops, "second ops", {}}, ops, second);
  add_split<collectives::Op>(splits, rows, {SplitBy::ops, "first ops", {}}, ops, first);
  return splits;
}

namespace {

// Whether most of what is held out is in the fitted part as another run of the same case.
bool only_repeats(const Rows& rows, const Split& split) {
  using Case = std::tuple<collectives::Op, int, int, double>;
  const auto case_of = [](const auto& r) {
    return Case{r.op, r.nodes, r.gpus_per_node, r.bytes.value()};
  };
  std::set<Case> fitted;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!split.held_out[i]) fitted.insert(case_of(rows[i]));
  }
  std::size_t held = 0, again = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!split.held_out[i]) continue;
    ++held;
    again += fitted.count(case_of(rows[i]));
  }
  return 2 * again > held;
}

}  // namespace

Split natural_split(const Rows& rows) {
  const auto nodes = distinct<int>(rows, [](const auto& r) { return r.nodes; });
  if (nodes.size() > 1) return by_nodes(rows, nodes);
  const auto get_gpus = [](const auto& r) { return r.gpus_per_node; };
  const auto gpus = distinct<int>(rows, get_gpus);
  if (gpus.size() > 1)
    return alternate(rows, gpus, SplitBy::gpus, "every second GPU count", get_gpus);
  const auto get_source = [](const auto& r) { return r.source; };
  const auto sources = distinct<std::string>(rows, get_source);
  if (sources.size() > 1) {
    Split split = alternate(rows, sources, SplitBy::sources, "every second source", get_source);
    if (!only_repeats(rows, split)) return split;
  }
  return size_split(rows);
}

Split size_split(const Rows& rows) {
  std::map<std::tuple<collectives::Op, int, int>, std::set<double>> sizes;
  const auto curve = [](const auto& r) { return std::tuple(r.op, r.nodes, r.gpus_per_node); };
  for (const auto& row : rows) sizes[curve(row)].insert(row.bytes.value());
  Split split{SplitBy::sizes, "every second size", {}};
  for (const auto& row : rows) {
    const auto& mine = sizes[curve(row)];
    split.held_out.push_back(std::distance(mine.begin(), mine.find(row.bytes.value())) % 2 == 1);
  }
  return split;
}

HoldOut hold_out(const Rows& rows, const std::string& fabric, const std::vector<bool>& held_out) {
  Rows fitted, of_fabric;
  Measurements held;
  std::size_t index = 0;
  for (const auto& row : rows) {
    const bool mine = row.fabric == fabric;
    if (mine && held_out[index++]) {
      held.collectives.push_back(row);
      continue;
    }
    fitted.push_back(row);
    if (mine) of_fabric.push_back(row);
  }
  FitOptions options;
  options.shared = fit_shared_shifts(fitted);
  const FabricModel model(fit_profile(of_fabric, options));
  const Validation validation = validate(model, held);
  std::vector<const ValidatedRow*> all;
  for (const auto& row : validation.rows) all.push_back(&row);
  HoldOut out;
  out.fabric = fabric;
  out.fitted = static_cast<int>(of_fabric.size());
  out.held_out = static_cast<int>(held.collectives.size());
  out.skipped = static_cast<int>(validation.skipped.size());
  out.model = summarise(all);
  out.look_up = look_up(of_fabric.empty() ? fitted : of_fabric, held.collectives);
  return out;
}

namespace {

std::map<std::string, Rows> by_fabric(const Rows& rows, int least_rows) {
  std::map<std::string, Rows> fabrics;
  for (const auto& row : rows) fabrics[row.fabric].push_back(row);
  std::erase_if(fabrics,
                [&](const auto& f) { return static_cast<int>(f.second.size()) < least_rows; });
  return fabrics;
}

}  // namespace

std::vector<HoldOut> hold_out_table(const Rows& rows, int least_rows) {
  std::vector<HoldOut> table;
  for (const auto& [fabric, mine] : by_fabric(rows, least_rows)) {
    const Split split = natural_split(mine);
    table.push_back(hold_out(rows, fabric, split.held_out));
    table.back().what = split.what;
  }
  return table;
}

std::map<std::string, std::vector<HoldOut>> every_hold_out(const Rows& rows, int least_rows) {
  std::map<std::string, std::vector<HoldOut>> tables;
  for (const auto& [fabric, mine] : by_fabric(rows, least_rows)) {
    for (const Split& split : every_split(mine)) {
      tables[split.what].push_back(hold_out(rows, fabric, split.held_out));
      tables[split.what].back().what = split.what;
    }
  }
  return tables;
}

std::vector<HoldOut> size_hold_out_table(const Rows& rows, int least_rows) {
  std::vector<HoldOut> table;
  for (const auto& [fabric, mine] : by_fabric(rows, least_rows)) {
    table.push_back(hold_out(rows, fabric, size_split(mine).held_out));
    table.back().what = "every second size";
  }
  return table;
}

std::vector<HoldOut> leave_fabric_out(const Rows& rows, int least_rows) {
  std::vector<HoldOut> table;
  for (const auto& [fabric, mine] : by_fabric(rows, least_rows)) {
    table.push_back(hold_out(rows, fabric, std::vector<bool>(mine.size(), true)));
    table.back().what = "all other fabrics";
  }
  return table;
}

namespace {

std::string pooled(const std::vector<HoldOut>& table) {
  double rows = 0.0, inside = 0.0, width = 0.0, model = 0.0, look_up = 0.0;
  for (const HoldOut& h : table) {
    const double n = h.held_out;
    rows += n;
    inside += n * h.model.inside_band;
    width += n * h.model.band_width_median;
    model += n * h.model.mean_abs;
    look_up += n * h.look_up.mean_abs;
  }
  return fmt::format(
      "all: {:.0f} rows, in band {:.3f}, width {:.2f}, mean error {:.3f}, look-up {:.3f}\n", rows,
      inside / rows, width / rows, model / rows, look_up / rows);
}

}  // namespace

std::string to_text(const std::vector<HoldOut>& table) {
  std::string out = fmt::format(
      "{:<26} {:<26} {:>6} {:>5} | {:>6} {:>6} {:>6} {:>6} | {:>6} {:>6} | {:>6} {:>6} {:>6} {}\n",
      "fabric", "fit -> predict", "fitted", "held", "mean", "median", "p90", "bias", "inband",
      "width", "mean", "median", "p90", "look-up");
  for (const HoldOut& h : table) {
    out += fmt::format(
        "{:<26.26} {:<26.26} {:>6} {:>5} | {:>6.3f} {:>6.3f} {:>6.3f} {:>+6.2f} | {:>6.2f} "
        "{:>6.2f} | {:>6.3f} {:>6.3f} {:>6.3f} {}{}\n",
        h.fabric, h.what, h.fitted, h.held_out, h.model.mean_abs, h.model.median_abs,
        h.model.p90_abs, h.model.bias, h.model.inside_band, h.model.band_width_median,
        h.look_up.mean_abs, h.look_up.median_abs, h.look_up.p90_abs, h.look_up.kind,
        h.held_out < kEnoughForCoverage ? "; few rows: inband says little" : "");
  }
  return out + pooled(table);
}

}  // namespace windtunnel::calibration

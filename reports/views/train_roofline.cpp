// The roofline of training: ops of a layer under the roofs of their GPU.
#include <algorithm>
#include <cmath>

#include "reports/views/lookup.hpp"
#include "reports/views/train_charts.hpp"

namespace windtunnel::reports {
namespace {

constexpr double kMargin = 1.5;  // of the axis beside the outermost points

struct Roofs {
  double flops = NAN, bytes = NAN;
  double at(double intensity) const { return std::min(flops, intensity * bytes); }
};

std::optional<Roofs> roofs_of(const ResultCase& one) {
  const base::Table* roofs = table(one, "roofs");
  if (roofs == nullptr || roofs->rows.empty()) return std::nullopt;
  const TableReader rows(*roofs);
  const Roofs out{rows.number(0, "flops_per_s"), rows.number(0, "bytes_per_s")};
  if (!(out.flops > 0.0) || !(out.bytes > 0.0)) return std::nullopt;
  return out;
}

Series roof_line(const Roofs& roofs, double first, double last) {
  Series line{"roofs: memory and " + value_text(roofs.flops, Unit::flops_per_second),
              SeriesStyle::guide,
              0,
              {}};
  for (const double x : {first, roofs.flops / roofs.bytes, last}) {
    line.points.push_back({x, roofs.at(x), std::nullopt, std::nullopt, "roof"});
  }
  return line;
}

}  // namespace

std::optional<XyChart> roofline_chart(const ResultCase& one) {
  const base::Table* ops = table(one, "roofline");
  const auto roofs = roofs_of(one);
  if (ops == nullptr || !roofs) return std::nullopt;
  const TableReader rows(*ops);
  Series forward{"forward", SeriesStyle::points, 0, {}};
  Series backward{"backward", SeriesStyle::points, 1, {}};
  const double ridge = roofs->flops / roofs->bytes;
  double first = ridge / kMargin, last = ridge * kMargin;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double x = rows.number(i, "flops_per_byte"), y = rows.number(i, "flops_per_s");
    if (!(x > 0.0) || !(y > 0.0)) continue;
    Series& series = rows.word(i, "pass") == "forward" ? forward : backward;
    series.points.push_back({x, y, std::nullopt, std::nullopt, rows.word(i, "op")});
    first = std::min(first, x / kMargin);
    last = std::max(last, x * kMargin);
  }
  if (forward.points.empty()) return std::nullopt;
  XyChart chart{"roofline",
                "Roofline of a layer's ops",
                {"FLOP a byte", Unit::plain, AxisScale::log, 10.0},
                {"rate of a GPU", Unit::flops_per_second, AxisScale::log, 10.0},
                {},
                {}};
  chart.series.push_back(roof_line(*roofs, first, last));
  for (Series* series : {&forward, &backward}) {
    if (!series->points.empty()) chart.series.push_back(std::move(*series));
  }
  return chart;
}

}  // namespace windtunnel::reports

#include "reports/html/svg_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/html/axis.hpp"
#include "reports/html/svg_canvas.hpp"
#include "reports/palette.hpp"

namespace windtunnel::reports {
namespace {

struct LegendEntry {
  std::string name;
  int color = 0;
};

double entry_width(const LegendEntry& entry) {
  return 36.0 + SvgCanvas::text_width(entry.name);
}

double legend_height(const std::vector<LegendEntry>& entries) {
  double rows = 1.0;
  double x = 4.0;
  for (const LegendEntry& entry : entries) {
    if (x > 4.0 && x + entry_width(entry) > kSvgWidth) ++rows, x = 4.0;
    x += entry_width(entry);
  }
  return 6.0 + 18.0 * rows;
}

void draw_legend(SvgCanvas& svg, const std::vector<LegendEntry>& entries) {
  double x = 4.0;
  double y = 14.0;
  for (const LegendEntry& entry : entries) {
    if (x > 4.0 && x + entry_width(entry) > kSvgWidth) y += 18.0, x = 4.0;
    svg.rect({x, y - 9}, {16, 10}, {.fill = palette_color(entry.color)});
    svg.text({x + 22, y}, entry.name, {});
    x += entry_width(entry);
  }
}

// The plot of a chart of rows: from values to pixels, and the lines of its axis.
struct Rows {
  double left = 0.0;
  double top = 0.0;
  double height = 0.0;  // of one row
  std::size_t count = 0;
  double end = 1.0;  // value at the right

  double width() const { return kSvgWidth - left - kSvgRight; }
  double bottom() const { return top + height * static_cast<double>(count); }
  double x(double value) const { return left + width() * value / end; }
  double y(std::size_t row) const { return top + height * static_cast<double>(row); }
};

void draw_axis(SvgCanvas& svg, const Rows& rows, const Axis& axis) {
  for (const double tick : ticks_of(axis, {0.0, rows.end})) {
    svg.line({rows.x(tick), rows.top}, {rows.x(tick), rows.bottom()}, {.css = "grid"});
    svg.text({rows.x(tick), rows.bottom() + 15}, tick_text(tick, axis.unit),
             {"soft", Anchor::middle});
  }
}

void draw_names(SvgCanvas& svg, const Rows& rows, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < rows.count; ++i) {
    svg.text({rows.left - 6, rows.y(i) + rows.height / 2 + 4}, names[i], {"soft", Anchor::end});
  }
}

double value_of(const std::vector<double>& values, std::size_t at) {
  return at < values.size() ? values[at] : 0.0;
}

void draw_bar(SvgCanvas& svg, const Rows& rows, const BarChart& chart, std::size_t bar) {
  double at = value_of(chart.starts, bar);
  for (const BarPart& part : chart.parts) {
    const double value = value_of(part.values, bar);
    if (!(value > 0.0)) continue;
    svg.rect(
        {rows.x(at), rows.y(bar) + 3}, {rows.x(at + value) - rows.x(at), rows.height - 6},
        {.fill = palette_color(part.color)},
        fmt::format("{}, {}: {}", chart.bars[bar], part.name, value_text(value, chart.x.unit)));
    at += value;
  }
  if (bar < chart.endings.size())
    svg.text({rows.x(ending_places(chart)[bar]) + 5, rows.y(bar) + rows.height / 2 + 4},
             chart.endings[bar], {"soft"});
}

}  // namespace

double svg_label_width(const std::vector<std::string>& names) {
  double width = 40.0;
  for (const std::string& name : names) width = std::max(width, SvgCanvas::text_width(name));
  return std::min(width, 260.0) + 10.0;
}

std::string bars_svg(const BarChart& chart) {
  std::vector<LegendEntry> legend;
  for (const BarPart& part : chart.parts) legend.push_back({part.name, part.color});
  if (legend.size() == 1) legend.clear();
  const Rows rows{
      svg_label_width(chart.bars),
      (legend.empty() ? 4.0 : legend_height(legend)) + (chart.limits.empty() ? 0.0 : 16), 22.0,
      chart.bars.size(), range_of(chart).high};
  SvgCanvas svg(kSvgWidth, rows.bottom() + 40.0, chart.title);
  draw_legend(svg, legend);
  draw_axis(svg, rows, chart.x);
  draw_names(svg, rows, chart.bars);
  for (std::size_t i = 0; i < chart.bars.size(); ++i) draw_bar(svg, rows, chart, i);
  for (const Marker& limit : chart.limits) {
    svg.line({rows.x(limit.x), rows.top - 2}, {rows.x(limit.x), rows.bottom()},
             {.width = 2.0, .dash = "5 3", .css = "axis"});
    svg.text({rows.x(limit.x), rows.top - 5}, limit.short_label, {"", Anchor::end});
  }
  svg.text({rows.left + rows.width() / 2, rows.bottom() + 33}, chart.x.title,
           {"soft", Anchor::middle});
  return svg.take();
}

std::string timeline_svg(const TimelineChart& chart) {
  constexpr std::size_t kMostLanes = 32;
  constexpr std::size_t kMostSpans = 3000;
  if (chart.timelines.empty()) return "";
  const Timeline& line = chart.timelines.front();
  double end = 1e-12;
  std::vector<bool> used(line.kinds.size(), false);
  for (const Span& span : line.spans) {
    end = std::max(end, span.end_s);
    used[static_cast<std::size_t>(span.kind)] = true;
  }
  std::vector<LegendEntry> legend;
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i]) legend.push_back({line.kinds[i].name, line.kinds[i].color});
  }
  const Rows rows{svg_label_width(line.lanes), legend_height(legend), 18.0,
                  std::min(kMostLanes, line.lanes.size()), end};
  SvgCanvas svg(kSvgWidth, rows.bottom() + 44.0, chart.title);
  draw_legend(svg, legend);
  draw_axis(svg, rows, {"time", Unit::seconds, AxisScale::linear});
  draw_names(svg, rows, line.lanes);
  std::size_t drawn = 0;
  for (const Span& span : line.spans) {
    if (static_cast<std::size_t>(span.lane) >= rows.count || drawn == kMostSpans) continue;
    ++drawn;
    svg.rect({rows.x(span.start_s), rows.y(static_cast<std::size_t>(span.lane)) + 3.0},
             {std::max(0.8, rows.x(span.end_s) - rows.x(span.start_s) - 0.4), rows.height - 6.0},
             {.fill = palette_color(line.kinds[static_cast<std::size_t>(span.kind)].color)});
  }
  std::string note = line.name;
  if (drawn < line.spans.size()) note += fmt::format(", {} of {} spans", drawn, line.spans.size());
  svg.text({rows.left, rows.bottom() + 36}, note, {"soft", Anchor::start});
  return svg.take();
}

}  // namespace windtunnel::reports

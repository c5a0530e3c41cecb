#include "reports/html/svg.hpp"

#include <algorithm>
#include <cmath>

#include "reports/html/axis.hpp"
#include "reports/html/svg_canvas.hpp"
#include "reports/html/svg_rows.hpp"
#include "reports/palette.hpp"

namespace windtunnel::reports {
namespace {

constexpr double kWidth = kSvgWidth;
constexpr double kRight = kSvgRight;

struct Frame {
  double left = 0.0;
  double top = 0.0;
  double width = 0.0;
  double height = 0.0;
  double bottom() const { return top + height; }
  double right() const { return left + width; }
};

// From values to pixels.
class PixelScale {
 public:
  PixelScale(const Axis& axis, AxisRange range, SvgPoint pixels)
      : log_(axis.scale == AxisScale::log), range_(range), pixels_(pixels) {}
  double operator()(double value) const {
    const double share = log_ ? std::log(value / range_.low) / std::log(range_.high / range_.low)
                              : (value - range_.low) / (range_.high - range_.low);
    return pixels_.first + share * (pixels_.second - pixels_.first);
  }

 private:
  bool log_;
  AxisRange range_;
  SvgPoint pixels_;
};

std::string_view color_of(const Series& series) {
  const bool grey = series.style == SeriesStyle::guide || series.style == SeriesStyle::halo;
  return grey ? std::string_view("#8a929c") : palette_color(series.color);
}

class XyDrawing {
 public:
  explicit XyDrawing(const XyChart& chart)
      : chart_(chart),
        legend_rows_(rows_of_legend()),
        top_(14.0 + 18.0 * legend_rows_ + (chart.markers.empty() ? 0.0 : 34.0)),
        frame_{76.0, top_, kWidth - 76.0 - kRight, 310.0},
        x_range_(range_of(chart, AxisOf::x)),
        y_range_(range_of(chart, AxisOf::y)),
        x_(chart.x, x_range_, {frame_.left, frame_.right()}),
        y_(chart.y, y_range_, {frame_.bottom(), frame_.top}),
        svg_(kWidth, frame_.bottom() + 50.0, chart.title) {}

  std::string draw() {
    legend();
    axes();
    markers();
    for (const Series& series : chart_.series) band(series);
    for (const Series& series : chart_.series) {
      if (series.style == SeriesStyle::halo) line(series);
    }
    for (const Series& series : chart_.series) {
      if (series.style != SeriesStyle::halo) line(series);
    }
    return svg_.take();
  }

 private:
  static double entry_width(const Series& series) {
    return 44.0 + SvgCanvas::text_width(series.name);
  }

  double rows_of_legend() const {
    double rows = 1.0;
    double x = 0.0;
    for (const Series& series : chart_.series) {
      if (x > 0.0 && x + entry_width(series) > kWidth) ++rows, x = 0.0;
      x += entry_width(series);
    }
    return rows;
  }

  static bool has_marks(const Series& series) {
    return series.style == SeriesStyle::line || series.style == SeriesStyle::points;
  }

  static SvgStyle stroke_of(const Series& series) {
    SvgStyle style{.stroke = color_of(series), .width = 2.0};
    if (series.style == SeriesStyle::guide) style.width = 1.5, style.dash = "5 4";
    if (series.style == SeriesStyle::halo) style.width = 9.0, style.opacity = 0.3;
    return style;
  }

  void legend() {
    double x = 4.0;
    double y = 14.0;
    for (const Series& series : chart_.series) {
      if (x > 4.0 && x + entry_width(series) > kWidth) y += 18.0, x = 4.0;
      if (series.style != SeriesStyle::points) {
        svg_.line({x, y - 4}, {x + 24, y - 4}, stroke_of(series));
      }
      if (has_marks(series)) mark({x + 12, y - 4}, series);
      svg_.text({x + 30, y}, series.name, {});
      x += entry_width(series);
    }
  }

  void mark(SvgPoint at, const Series& series) {
    const std::string_view color = color_of(series);
    const bool hollow = series.style == SeriesStyle::points;
    svg_.symbol(at, series.color,
                {.fill = hollow ? "none" : color, .stroke = color, .width = hollow ? 1.5 : 1.0});
  }

  void axes() {
    for (const double tick : ticks_of(chart_.x, x_range_)) {
      svg_.line({x_(tick), frame_.top}, {x_(tick), frame_.bottom()}, {.css = "grid"});
      svg_.text({x_(tick), frame_.bottom() + 17}, tick_text(tick, chart_.x.unit),
                {"soft", Anchor::middle});
    }
    for (const double tick : ticks_of(chart_.y, y_range_)) {
      svg_.line({frame_.left, y_(tick)}, {frame_.right(), y_(tick)}, {.css = "grid"});
      svg_.text({frame_.left - 7, y_(tick) + 4}, tick_text(tick, chart_.y.unit),
                {"soft", Anchor::end});
    }
    svg_.line({frame_.left, frame_.bottom()}, {frame_.right(), frame_.bottom()}, {.css = "axis"});
    svg_.line({frame_.left, frame_.top}, {frame_.left, frame_.bottom()}, {.css = "axis"});
    svg_.text({frame_.left + frame_.width / 2, frame_.bottom() + 38}, chart_.x.title,
              {"soft", Anchor::middle});
    svg_.text({13, frame_.top + frame_.height / 2}, chart_.y.title, {"soft", Anchor::middle, -90});
  }

  void markers() {
    for (std::size_t i = 0; i < chart_.markers.size(); ++i) {
      const Marker& marker = chart_.markers[i];
      const double x = x_(marker.x);
      const double y = frame_.top - 5.0 - 15.0 * static_cast<double>(i % 2);
      svg_.line({x, y + 3}, {x, frame_.bottom()}, {.dash = "2 3", .css = "axis"});
      svg_.text({x, y}, marker.short_label, {"", Anchor::middle});
    }
  }

  void band(const Series& series) {
    std::vector<SvgPoint> upper;
    std::vector<SvgPoint> lower;
    for (const ChartPoint& point : series.points) {
      if (!point.low || !point.high) continue;
      upper.emplace_back(x_(point.x), y_(*point.high));
      lower.emplace_back(x_(point.x), y_(*point.low));
    }
    const std::string_view color = color_of(series);
    if (series.style == SeriesStyle::points) {
      for (std::size_t i = 0; i < upper.size(); ++i)
        svg_.line(lower[i], upper[i], {.stroke = color, .opacity = 0.3});
    } else if (upper.size() > 1) {
      upper.insert(upper.end(), lower.rbegin(), lower.rend());
      svg_.polygon(upper, {.fill = color, .opacity = 0.13});
    }
  }

  void line(const Series& series) {
    std::vector<SvgPoint> points;
    for (const ChartPoint& point : series.points) points.emplace_back(x_(point.x), y_(point.y));
    if (series.style != SeriesStyle::points) svg_.polyline(points, stroke_of(series));
    if (!has_marks(series)) return;
    for (const SvgPoint& point : points) mark(point, series);
  }

  const XyChart& chart_;
  double legend_rows_;
  double top_;
  Frame frame_;
  AxisRange x_range_;
  AxisRange y_range_;
  PixelScale x_;
  PixelScale y_;
  SvgCanvas svg_;
};

std::string draw(const XyChart& chart) {
  return XyDrawing(chart).draw();
}

std::string draw(const BarChart& chart) {
  return bars_svg(chart);
}

std::string draw(const TimelineChart& chart) {
  return timeline_svg(chart);
}

std::string draw(const HeatChart& chart) {
  if (chart.grids.empty()) return "";
  const HeatGrid& grid = chart.grids.front();
  const double left = svg_label_width(grid.rows);
  const double cell = std::min(
      34.0, (kWidth - left - kRight) / std::max(1.0, static_cast<double>(grid.columns.size())));
  constexpr double kRow = 20.0;
  const double bottom = 10.0 + kRow * static_cast<double>(grid.rows.size());
  SvgCanvas svg(kWidth, bottom + 40.0, chart.title);
  for (std::size_t i = 0; i < grid.rows.size(); ++i) {
    svg.text({left - 6, 24.0 + kRow * static_cast<double>(i)}, grid.rows[i], {"soft", Anchor::end});
  }
  for (const HeatCell& one : grid.cells) {
    // Darker is busier; the numbers are in the tooltip and in the table below.
    svg.rect({left + cell * one.column, 10.0 + kRow * one.row}, {cell - 1, kRow - 1},
             {.fill = "#0b4f8a", .opacity = 0.06 + 0.94 * std::clamp(one.value, 0.0, 1.0)},
             one.label);
  }
  const std::size_t every =
      std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(30.0 / cell)));
  for (std::size_t i = 0; i < grid.columns.size(); i += every) {
    svg.text({left + cell * (static_cast<double>(i) + 0.5), bottom + 15}, grid.columns[i],
             {"soft", Anchor::middle});
  }
  svg.text({left, bottom + 34}, grid.name + ", " + chart.column_title + "; darker is busier",
           {"soft", Anchor::start});
  return svg.take();
}

}  // namespace

std::string to_svg(const Chart& chart) {
  return std::visit([](const auto& one) { return draw(one); }, chart);
}

}  // namespace windtunnel::reports

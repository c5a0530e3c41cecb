#include "reports/html/chart_json.hpp"

#include <algorithm>

#include "reports/html/axis.hpp"
#include "reports/json_emitter.hpp"
#include "reports/palette.hpp"

namespace windtunnel::reports {
namespace {

std::string_view unit_name(Unit unit) {
  switch (unit) {
    case Unit::seconds:
      return "seconds";
    case Unit::bytes:
      return "bytes";
    case Unit::bytes_per_second:
      return "bytes_per_second";
    case Unit::flops_per_second:
      return "flops_per_second";
    case Unit::per_second:
      return "per_second";
    case Unit::fraction:
      return "fraction";
    case Unit::plain:
    case Unit::flops:
    case Unit::watts:
    case Unit::joules:
    case Unit::dollars:
    case Unit::factor:
      return "plain";
  }
  return "plain";
}

std::string_view style_name(SeriesStyle style) {
  switch (style) {
    case SeriesStyle::line:
      return "line";
    case SeriesStyle::points:
      return "points";
    case SeriesStyle::guide:
      return "guide";
    case SeriesStyle::halo:
      return "halo";
  }
  return "line";
}

class ChartWriter {
 public:
  std::string write(const std::vector<const Chart*>& charts) {
    json_.begin_array();
    for (const Chart* chart : charts) {
      json_.begin_object();
      std::visit([&](const auto& one) { members(one); }, *chart);
      json_.end();
    }
    json_.end();
    return json_.take();
  }

 private:
  void words(std::string_view key, const std::vector<std::string>& all) {
    json_.key(key);
    json_.begin_array();
    for (const std::string& word : all) json_.value(word);
    json_.end();
  }

  void numbers(std::string_view key, const std::vector<double>& all) {
    json_.key(key);
    json_.begin_array();
    for (const double number : all) json_.value(number);
    json_.end();
  }

  void colors(int color) {
    json_.member("color", palette_color(color));
    json_.member("on_dark", palette_color_on_dark(color));
  }

  void markers(std::string_view key, const std::vector<Marker>& all) {
    json_.key(key);
    json_.begin_array();
    for (const Marker& marker : all) {
      json_.begin_object();
      json_.member("x", marker.x);
      json_.member("short", marker.short_label);
      json_.end();
    }
    json_.end();
  }

  void optional_number(const std::optional<double>& number) {
    if (number) {
      json_.value(*number);
    } else {
      json_.null();
    }
  }

  void axis(std::string_view key, const Axis& axis, const AxisRange& range) {
    json_.key(key);
    json_.begin_object();
    json_.member("title", axis.title);
    json_.member("unit", unit_name(axis.unit));
    json_.member("scale", axis.scale == AxisScale::log ? "log" : "linear");
    json_.member("base", log_base(axis));
    numbers("ticks", ticks_of(axis, range));
    json_.member("min", range.low);
    json_.member("max", range.high);
    json_.end();
  }

  void series(const Series& one, std::string_view marks) {
    json_.begin_object();
    json_.member("name", one.name);
    json_.member("style", style_name(one.style));
    json_.member("color", std::int64_t{one.color});
    json_.member("marks", marks);
    json_.key("points");
    json_.begin_array();
    for (const ChartPoint& point : one.points) {
      json_.begin_array();
      json_.value(point.x);
      json_.value(point.y);
      optional_number(point.low);
      optional_number(point.high);
      json_.value(point.label);
      json_.end();
    }
    json_.end();
    json_.end();
  }

  void members(const XyChart& chart) {
    json_.member("kind", "xy");
    json_.member("id", chart.id);
    axis("x", chart.x, range_of(chart, AxisOf::x));
    axis("y", chart.y, range_of(chart, AxisOf::y));
    words("palette", {kPalette.begin(), kPalette.end()});
    words("palette_on_dark", {kPaletteOnDark.begin(), kPaletteOnDark.end()});
    // Beside lines, points are measurements: hollow, so that they stand out from the lines' own
    // marks.
    const bool lines = std::any_of(chart.series.begin(), chart.series.end(), [](const Series& one) {
      return one.style == SeriesStyle::line;
    });
    json_.key("series");
    json_.begin_array();
    for (const Series& one : chart.series)
      series(one, lines && one.style == SeriesStyle::points ? "hollow" : "filled");
    json_.end();
    markers("markers", chart.markers);
  }

  void members(const BarChart& chart) {
    json_.member("kind", "bars");
    json_.member("id", chart.id);
    axis("x", chart.x, range_of(chart));
    const auto ticks = ticks_of(chart.x, range_of(chart));
    json_.member("step", ticks.size() > 1 ? ticks[1] - ticks[0] : range_of(chart).high);
    words("bars", chart.bars);
    json_.key("parts");
    json_.begin_array();
    for (const BarPart& part : chart.parts) {
      json_.begin_object();
      json_.member("name", part.name);
      colors(part.color);
      numbers("values", part.values);
      json_.end();
    }
    json_.end();
    numbers("starts", chart.starts);
    words("endings", chart.endings);
    if (!chart.endings.empty() && !chart.limits.empty()) numbers("places", ending_places(chart));
    markers("limits", chart.limits);
  }

  void members(const HeatChart& chart) {
    json_.member("kind", "heat");
    json_.member("id", chart.id);
    json_.member("column_title", chart.column_title);
    json_.key("grids");
    json_.begin_array();
    for (const HeatGrid& grid : chart.grids) {
      json_.begin_object();
      words("columns", grid.columns);
      words("rows", grid.rows);
      json_.key("cells");
      json_.begin_array();
      for (const HeatCell& cell : grid.cells) {
        json_.begin_array();
        json_.value(std::int64_t{cell.column});
        json_.value(std::int64_t{cell.row});
        json_.value(cell.value);
        json_.value(cell.label);
        json_.end();
      }
      json_.end();
      json_.end();
    }
    json_.end();
  }

  void members(const TimelineChart& chart) {
    json_.member("kind", "timeline");
    json_.member("id", chart.id);
    json_.key("timelines");
    json_.begin_array();
    for (const Timeline& timeline : chart.timelines) {
      json_.begin_object();
      words("lanes", timeline.lanes);
      json_.key("kinds");
      json_.begin_array();
      for (const TimelineKind& kind : timeline.kinds) {
        json_.begin_object();
        json_.member("name", kind.name);
        colors(kind.color);
        json_.end();
      }
      json_.end();
      json_.member("note", timeline.note);
      json_.key("spans");
      json_.begin_array();
      for (const Span& span : timeline.spans) {
        json_.begin_array();
        json_.value(std::int64_t{span.lane});
        json_.value(span.start_s);
        json_.value(span.end_s);
        json_.value(std::int64_t{span.kind});
        json_.value(span.label);
        json_.end();
      }
      json_.end();
      json_.end();
    }
    json_.end();
  }

  JsonEmitter json_;
};

}  // namespace

std::string chart_json(const std::vector<const Chart*>& charts) {
  const std::string json = ChartWriter().write(charts);
  std::string safe;
  safe.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      safe += "\\u003c";  // stands in strings only, where this is the same character
    } else {
      safe += c;
    }
  }
  return safe;
}

}  // namespace windtunnel::reports

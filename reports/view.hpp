// What a reader is to see of a Result, before any format: summary, headline numbers, charts and
// tables.
//
// A view turns a Result of its kind (collective, validate, ...) into sections; the writers
// (terminal, Markdown, HTML) render sections and know nothing of workloads. A new workload adds a
// view file and its line in view.cpp, never a writer. Everything in a View is ready to read: text
// is for people, numbers in charts are in SI units. Nothing is escaped; the writers do that.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reports/result.hpp"
#include "reports/unit.hpp"

namespace windtunnel::reports {

// How a cell stands out. Writers show it by a sign as well as by colour.
enum class Mark { none, best, near_best, bad, muted };
enum class Align { left, right };
// `headline` goes into every format, `full` into the page only (a terminal has no room for it).
enum class Detail { headline, full };

struct ViewCell {
  std::string text;
  Mark mark = Mark::none;
};

struct ViewColumn {
  std::string title;
  std::string group;  // a heading above neighbouring columns of the same group
  Align align = Align::right;
};

struct ViewTable {
  std::string title;
  std::vector<ViewColumn> columns;
  std::vector<std::vector<ViewCell>> rows;
  std::size_t key_columns = 1;  // repeated where a table is broken into blocks that fit the width
  std::vector<std::string> notes;  // below the table, one a line
  Detail detail = Detail::headline;
};

// One axis: its title and what it measures, which decides the labels of its ticks.
enum class AxisScale { linear, log };
struct Axis {
  std::string title;
  Unit unit = Unit::plain;
  AxisScale scale = AxisScale::linear;
  double base = 0.0;  // of a log axis; 0: 2 for bytes, else 10
};

struct ChartPoint {
  double x = 0.0;
  double y = 0.0;
  std::optional<double> low;  // of the band around y
  std::optional<double> high;
  std::string label;  // in the tooltip
};

// guide: dashed and grey, without markers. halo: a broad pale line below the others, for a choice
// among them.
enum class SeriesStyle { line, points, guide, halo };
struct Series {
  std::string name;
  SeriesStyle style = SeriesStyle::line;
  int color = 0;  // index into the palette
  std::vector<ChartPoint> points;
};

// A place on the x axis worth a label.
struct Marker {
  double x = 0.0;
  std::string label;        // in full
  std::string short_label;  // on the chart
};

struct XyChart {
  std::string id;
  std::string title;
  Axis x;
  Axis y;
  std::vector<Series> series;
  std::vector<Marker> markers;
};

// Values 0..1 on a grid; a cell that does not exist is missing.
struct HeatCell {
  int column = 0;
  int row = 0;
  double value = 0.0;
  std::string label;
};
struct HeatGrid {
  std::string name;  // what the selector calls it
  std::vector<std::string> columns;
  std::vector<std::string> rows;
  std::vector<HeatCell> cells;
};
struct HeatChart {
  std::string id;
  std::string title;
  std::string column_title;
  std::vector<HeatGrid> grids;  // one is shown at a time
};

// Lying bars of parts, one bar a name. A bar may start off zero (a waterfall).
struct BarPart {
  std::string name;
  int color = 0;               // index into the palette
  std::vector<double> values;  // one a bar
};
struct BarChart {
  std::string id;
  std::string title;
  std::vector<std::string> bars;
  Axis x;
  std::vector<BarPart> parts;
  std::vector<double> starts;        // of each bar; empty: all at zero
  std::vector<std::string> endings;  // text behind each bar; empty: none
  std::vector<Marker> limits;        // lines across the bars
};

struct Span {
  int lane = 0;
  double start_s = 0.0;
  double end_s = 0.0;
  int kind = 0;  // index into Timeline::kinds
  std::string label;
};
struct TimelineKind {
  std::string name;
  int color = 0;  // index into the palette
};
struct Timeline {
  std::string name;  // what the selector calls it
  std::vector<std::string> lanes;
  std::vector<TimelineKind> kinds;
  std::vector<Span> spans;
  std::string note;  // what was left out, in a sentence
};
struct TimelineChart {
  std::string id;
  std::string title;
  std::vector<Timeline> timelines;
};

using Chart = std::variant<XyChart, BarChart, HeatChart, TimelineChart>;

struct Section {
  std::string id;
  std::string title;
  std::vector<std::string> paragraphs;
  std::vector<Chart> charts;
  std::vector<ViewTable> tables;
};

struct HeadlineFact {
  std::string label;
  std::string value;
  std::string note;
};

struct View {
  std::string title;
  std::string subtitle;
  std::vector<std::string> summary;  // plain sentences
  std::vector<HeadlineFact> headline;
  std::vector<Section> sections;
  std::vector<std::string> warnings;
  std::vector<std::string> grounds;  // what the numbers rest on, one sentence each
  std::vector<HeadlineFact> provenance;
};

// The view of the first kind that recognises the result; the generic one takes any.
View make_view(const Result& result);

}  // namespace windtunnel::reports

// Static charts made of rows with names at the left: bars and timelines.
#pragma once

#include <string>
#include <vector>

#include "reports/view.hpp"

namespace windtunnel::reports {

inline constexpr double kSvgWidth = 760.0;
inline constexpr double kSvgRight = 24.0;

// Room for the longest of the row names at the left.
double svg_label_width(const std::vector<std::string>& names);

std::string bars_svg(const BarChart& chart);
// The first timeline, its first rows.
std::string timeline_svg(const TimelineChart& chart);

}  // namespace windtunnel::reports

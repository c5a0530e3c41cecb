// Ranges and ticks of chart axes, the same for the drawn charts and their static copies.
#pragma once

#include <vector>

#include "reports/view.hpp"

namespace windtunnel::reports {

struct AxisRange {
  double low = 0.0;
  double high = 1.0;
};

// Powers of it are the ticks of a log axis.
double log_base(const Axis& axis);

enum class AxisOf { x, y };

// All points and, on y, their bands. A log axis ends at powers of its base (2 for bytes, else 10; a short one at 1, 2 or 5 times one),
// a linear one at round numbers. Values of y that differ by less than a twentieth (iterations that are
// alike but for rounding) are drawn from zero. A chart without points gives a range that can be drawn all the
// same.
AxisRange range_of(const XyChart& chart, AxisOf which);
// From zero over the ends of all bars and all limits, with room for the text behind the bars.
AxisRange range_of(const BarChart& chart);
// Where the words behind each bar begin: at its end, or at a limit that they would lie across.
std::vector<double> ending_places(const BarChart& chart);

// At most about ten, ascending, inside the range.
std::vector<double> ticks_of(const Axis& axis, const AxisRange& range);

}  // namespace windtunnel::reports

// Charts as static SVG, for readers without scripts and for print. Text is escaped; sizes are in
// pixels of a view box that scales with the page; colours of text, axes and grid come from the
// style sheet (classes soft, axis, grid), so that they follow dark mode.
#pragma once

#include <string>

#include "reports/view.hpp"

namespace windtunnel::reports {

// Of charts with a selector, the first entry.
std::string to_svg(const Chart& chart);

}  // namespace windtunnel::reports

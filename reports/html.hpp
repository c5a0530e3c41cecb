// A View as one self-contained HTML page: opened from a file with no network it shows everything.
//
// Charts are drawn by ECharts, which is embedded, as are style sheet, script and data; a
// Content-Security-Policy in the page forbids every request. With scripts off each chart is a
// static SVG, and all tables are plain HTML. Light and dark by the reader's setting, colours of
// reports/palette.hpp. All text of the result is escaped.
#pragma once

#include <string>

#include "reports/result.hpp"
#include "reports/view.hpp"

namespace windtunnel::reports {

std::string to_html(const Result& result);
std::string to_html(const View& view);

}  // namespace windtunnel::reports

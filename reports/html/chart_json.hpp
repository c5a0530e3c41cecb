// What web/report.js draws the charts from.
#pragma once

#include <string>
#include <vector>

#include "reports/view.hpp"

namespace windtunnel::reports {

// A JSON list, safe inside a <script> element: no '<' stands in it.
std::string chart_json(const std::vector<const Chart*>& charts);

}  // namespace windtunnel::reports

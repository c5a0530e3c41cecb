// The view of serving: one run in full, or the cases of a sweep side by side.
#pragma once

#include "reports/view.hpp"

namespace windtunnel::reports {

// Some case counts requests that were served.
bool is_serving(const Result& result);
void add_serving(const Result& result, View& view);

}  // namespace windtunnel::reports

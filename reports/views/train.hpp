// The view of training: one iteration in full, or the cases of a sweep side by side.
#pragma once

#include "reports/view.hpp"

namespace windtunnel::reports {

// Some case has an iteration time and its parts.
bool is_training(const Result& result);
void add_training(const Result& result, View& view);

}  // namespace windtunnel::reports

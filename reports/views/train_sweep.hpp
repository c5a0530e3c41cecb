// Cases of a sweep over training jobs, side by side.
#pragma once

#include "reports/view.hpp"

namespace windtunnel::reports {

// Pre: several cases.
void add_training_sweep(const Result& result, View& view);

}  // namespace windtunnel::reports

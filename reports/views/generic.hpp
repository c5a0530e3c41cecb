// The view of a result of no kind known here: what varied, and the facts.
#pragma once

#include "reports/view.hpp"

namespace windtunnel::reports {

void add_generic(const Result& result, View& view);

}  // namespace windtunnel::reports

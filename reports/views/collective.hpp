// The view of a `collective` study: which algorithm wins at which size, by how much, and how sure
// that is.
#pragma once

#include "reports/view.hpp"

namespace windtunnel::reports {

// Pre: is_collective(result).
void add_collective(const Result& result, View& view);

}  // namespace windtunnel::reports

// The view of a plan: the best, the front and the chosen point on it, what each choice is worth, and
// why the rest was ruled out; then the best in full, as its own kind shows it.
#pragma once

#include "reports/view.hpp"

namespace windtunnel::reports {

// The result is of a search.
bool is_plan(const Result& result);

// How a result is shown that is no plan.
using AddView = void (*)(const Result&, View&);

// `details` shows the best case alone.
void add_plan(const Result& result, View& view, AddView details);

}  // namespace windtunnel::reports

// The view of a mix of jobs: how much each is slowed, what they share, and each job as by itself.
#pragma once

#include <string>

#include "reports/view.hpp"

namespace windtunnel::reports {

bool is_mix(const Result& result);
void add_mix(const Result& result, View& view);
// Whether the view shows a table of that name.
bool shown_by_mix(const Result& result, const std::string& table);

}  // namespace windtunnel::reports

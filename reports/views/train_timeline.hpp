// The timeline of a training iteration as a page shows it: a row a stage with its passes and the
// time it stands idle, and below them a row a stage for what is sent beside the passes.
#pragma once

#include "reports/lanes.hpp"
#include "reports/view.hpp"

namespace windtunnel::reports {

// The kinds of spans with their colours, by SpanKind; the last one is idle time.
std::vector<TimelineKind> span_kinds();
inline constexpr int kIdleKind = kSpanKinds;

// Whether there are passes of a pipeline on the tracks.
bool is_training(const Lanes& lanes);
// Pre: is_training.
Timeline training_timeline(const std::string& name, const Lanes& lanes);

}  // namespace windtunnel::reports

// The `timeline` tables of a result as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing
// open.
//
// Format: Chrome's "Trace Event Format", JSON object form. A case is a process, a track of
// reports/lanes.hpp a thread; a span is one complete event (ph X) with times in microseconds to the
// nanosecond; a message is a flow (ph s, f) from its send to its receive, with its bytes; names and their order are
// metadata (ph M). Law: on one thread no two spans overlap.
#pragma once

#include <string>

#include "reports/result.hpp"

namespace windtunnel::reports {

bool has_timeline(const Result& result);

// Valid, with no events but metadata, where no case has a timeline.
std::string to_trace(const Result& result);

}  // namespace windtunnel::reports

// Cases of a sweep over serving jobs, side by side.
#pragma once

#include <optional>

#include "reports/view.hpp"

namespace windtunnel::reports {

// Pre: several cases.
void add_serving_sweep(const Result& result, View& view);

// Latency over the swept load (a rate or a concurrency), p50 and p99, with the knee: the highest
// load before requests come faster than they are served, or before the SLO is missed.
std::optional<XyChart> latency_over_load_chart(const Result& result);
// Tokens a second and GPU over tokens a second and user, one point a case, and the front.
std::optional<XyChart> pareto_chart(const Result& result);

}  // namespace windtunnel::reports

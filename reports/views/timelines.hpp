// Timelines and link utilisation of the cases that carry them.
#pragma once

#include "reports/view.hpp"

namespace windtunnel::reports {

inline constexpr std::size_t kMostSpans = 20'000;         // a browser stays quick below it
inline constexpr std::size_t kMostSpansOfAPage = 60'000;  // a few MB

// Tables `timeline` as charts with one row a track. More than kMostSpans are drawn as fewer:
// neighbours on a track are merged over growing gaps until they fit, and the note says so. Further cases are left out when the page has enough spans.
void add_timelines(const Result& result, View& view);

// Tables `links` as heat maps. The name of a link is cut at its first number: "node3.nic2.out" is
// row "node.nic2.out", column 3, so that the same part of every node stands in one row.
void add_links(const Result& result, View& view);

}  // namespace windtunnel::reports

// The charts of training: waterfall of an iteration, memory by stage, and cases of a sweep.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/result.hpp"
#include "reports/view.hpp"

namespace windtunnel::reports {

// One bar a part of the iteration, each from where the last one ended; parts of no time are left
// out.
std::optional<BarChart> waterfall_chart(const ResultCase& one);
// One bar a stage, stacked by what holds the memory, and the capacity as a line.
std::optional<BarChart> stage_memory_chart(const ResultCase& one);

// Ops of a layer by arithmetic intensity and rate, under the roofs of the GPU; ops without FLOPs
// have no place on it.
std::optional<XyChart> roofline_chart(const ResultCase& one);

// The same of the cases of a sweep, one bar a case, of at most kMostBars.
inline constexpr std::size_t kMostBars = 40;
struct NamedCase {
  const ResultCase* one = nullptr;
  std::string name;
};
std::optional<BarChart> case_times_chart(const std::vector<NamedCase>& cases);
std::optional<BarChart> case_memory_chart(const std::vector<NamedCase>& cases);
// A fact over the swept number with the most values, a line for each choice of the rest.
std::optional<XyChart> sweep_chart(const Result& result, const std::string& fact_name);

// 66026045440 -> "61.5 GiB": sizes of memory beside each other in one unit.
std::string memory_text(double bytes);
// Counts of parameters and tokens have too many digits to be read: "70.55 billion".
std::string count_text(double value);

}  // namespace windtunnel::reports

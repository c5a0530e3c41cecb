// Tables and charts of a mix of jobs.
#pragma once

#include <string>
#include <vector>

#include "reports/result.hpp"
#include "reports/view.hpp"

namespace windtunnel::reports {

// 1.25 -> "1.250 x".
std::string times_text(double slowdown);
// Facts alone and with the others, each in the unit of its own.
ViewTable jobs_table(const base::Table& table, const Result& result);
// The busiest shared links with what each job sends over them.
ViewTable links_table(const base::Table& links, const std::vector<std::string>& jobs);
BarChart links_chart(const base::Table& links, const std::vector<std::string>& jobs,
                     double makespan);
// Iteration time over the start of the iteration, a line a training job.
XyChart iterations_chart(const base::Table& iterations);

}  // namespace windtunnel::reports

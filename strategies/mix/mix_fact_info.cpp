#include "strategies/mix/run_mix.hpp"

namespace windtunnel::strategies {

const std::map<std::string, base::FactInfo>& mix_fact_info() {
  static const std::map<std::string, base::FactInfo> kInfo{
      {"jobs", {"jobs", "", "jobs on the cluster"}},
      {"gpus", {"GPUs", "", "GPUs of all jobs"}},
      {"makespan_s", {"makespan", "s", "until the last job is done"}},
      {"shared_links", {"shared links", "", "links that carry bytes of two jobs and more"}},
      {"shared_link_peak",
       {"busiest shared link", "fraction",
        "bytes over the busiest shared link, of what it could have carried meanwhile"}},
      {"worst_slowdown", {"worst slowdown", "", "the largest of the jobs' slowdowns"}},
      {"busiest_shared_link", {"busiest shared link", "", "its name"}}};
  return kInfo;
}

const std::map<std::string, base::FactInfo>& mixed_job_fact_info() {
  static const std::map<std::string, base::FactInfo> kInfo{
      {"slowdown",
       {"slowdown", "",
        "mean iteration time (training) or mean e2e latency (serving), with the others / alone"}},
      {"iterations", {"iterations", "", "that the job did while the mix lasted"}},
      {"measured_iterations",
       {"measured iterations", "", "those that lie wholly in the time in which all jobs run"}}};
  return kInfo;
}

}  // namespace windtunnel::strategies

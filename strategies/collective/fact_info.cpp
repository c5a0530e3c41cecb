#include "strategies/collective/run_collective.hpp"

namespace windtunnel::strategies {

const std::map<std::string, base::FactInfo>& collective_fact_info() {
  static const std::map<std::string, base::FactInfo> kInfo{
      {"time_s",
       {"time", "s", "time of the collective, until its last rank is done; of the slowest group"}},
      {"algbw_bytes_per_s", {"algorithm bandwidth", "bytes/s", "bytes / time"}},
      {"busbw_bytes_per_s",
       {"bus bandwidth", "bytes/s",
        "algorithm bandwidth x the factor of nccl-tests, comparable with the rate of a link"}},
      {"lower_bound_s",
       {"lower bound", "s",
        "no schedule on these links can be faster: latency and bytes of the busiest port"}},
      {"steps", {"steps", "", "messages on the critical path of the schedule"}},
      {"ranks", {"ranks", "", "GPUs of a group"}},
      {"bytes", {"size", "bytes", "size of the larger buffer of a rank, as in nccl-tests"}},
      {"slowdown",
       {"slowdown", "", "time with all groups at once / time alone, of the group that loses most"}},
      {"channels", {"channels", "", "parallel connections the buffer is split over"}},
      {"chunk_bytes", {"chunk", "bytes", "largest message of the pipeline"}},
      {"messages", {"messages", "", "messages of all groups, or flows where lowering is bulk"}},
      {"simulated_time_s",
       {"simulated time", "s",
        "the same collective on data-sheet links, beside a calibrated time"}},
      {"runner_up_time_s",
       {"runner-up's time", "s",
        "what the next best choice would have cost, by the model that chose"}},
      {"closed_form_s",
       {"closed form", "s",
        "the textbook's time on a uniform network as fast as the slowest route between "
        "neighbours"}},
      {"formula", {"formula", "", "the closed form in symbols: collectives/closed_form.hpp"}},
      {"algorithm", {"algorithm", "", "what ran"}},
      {"protocol", {"protocol", "", "NCCL's protocol: ll, ll128, simple"}},
      {"chosen_by",
       {"chosen by", "", "who chose algorithm and protocol where the scenario left it open"}},
      {"why", {"why", "", "the reason of the choice"}},
      {"nccl_choice", {"NCCL's choice", "", "what NCCL's own rules would take"}},
      {"runner_up", {"runner-up", "", "the next best choice"}},
      {"lowering", {"lowering", "", "how the schedule became transfers: steps or bulk, and why"}},
      {"engine", {"engine", "", "what simulated it; formula where a model answered alone"}},
      {"engine_reason", {"why this engine", "", "the reason of the choice of engine"}},
      {"launch_s",
       {"launch", "s", "start of a collective, by the profile, before its first message"}},
      {"link_costs",
       {"link costs", "",
        "what the links of the simulation cost, by the profile, where it has no answer of its "
        "own"}},
      {"chunk", {"chunk size", "", "the chunk of a pipeline, and who chose it"}},
  };
  return kInfo;
}

}  // namespace windtunnel::strategies

// Which algorithm, protocol and channels a case runs with, who says so, and what else there was.
//
// `auto` without a model: NCCL's own rules (collectives/nccl). With a model: the model's choice,
// beside what NCCL's rules would take. An algorithm that the scenario names is never changed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collectives/time_model.hpp"
#include "strategies/collective/run_collective.hpp"

namespace windtunnel::strategies {

struct CollectiveChoice {
  collectives::Algorithm algorithm = collectives::Algorithm::ring;
  std::optional<collectives::Protocol> protocol;  // nothing: no protocol is part of the answer
  int channels = 1;                               // NCCL's at this size
  std::string chosen_by;                          // empty where nothing was left to choose
  std::string why;
  std::string nccl_choice;  // "Ring/LL"; empty where NCCL has no choice
  std::string runner_up;
  std::optional<base::Seconds> runner_up_time;
  base::Table alternatives;  // fastest first, the chosen one among them
  std::optional<collectives::TimePrediction> prediction;  // of the first group, alone
  // Where there is a model that cannot answer: what it was asked, and what its links cost.
  std::string unanswered;
  std::optional<collectives::LinkCosts> link_costs;
  std::vector<std::string> warnings;
};

CollectiveChoice choose(const CollectiveCase& one, const CollectiveSite& site,
                        const CollectiveOptions& options);

// What a scenario states that only a profile gives a meaning to.
void warn_without_model(const CollectiveCase& one, CollectiveChoice& choice);

// Costs of the links of a group by the site's model.
std::optional<collectives::LinkCosts> link_costs_of(const CollectiveCase& one,
                                                    const std::vector<int>& group,
                                                    const CollectiveSite& site,
                                                    const CollectiveOptions& options);

// What a model is asked about one group of a case.
collectives::TimeQuery time_query(const CollectiveCase& one, const std::vector<int>& group,
                                  const CollectiveSite& site, const CollectiveOptions& options);

}  // namespace windtunnel::strategies

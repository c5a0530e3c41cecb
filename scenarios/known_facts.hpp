// The facts a workload's cases have, with what each means.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/base/fact.hpp"

namespace windtunnel::scenarios {

// By `workload.kind`; empty for a kind that is not built.
const std::map<std::string, base::FactInfo>& facts_of_workload(std::string_view kind);

// Of a mix of jobs with these names and kinds: its own, and each job's as NAME.fact.
std::map<std::string, base::FactInfo> facts_of_mix(
    const std::vector<std::pair<std::string, std::string>>& jobs);

// Of every kind.
std::map<std::string, base::FactInfo> facts_of_all_workloads();

}  // namespace windtunnel::scenarios

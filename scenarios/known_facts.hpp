// The facts a workload's cases have, with what each means.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sim/base/fact.hpp"

namespace windtunnel::scenarios {

// By `workload.kind`; empty for a kind that is not built.
const std::map<std::string, base::FactInfo>& facts_of_workload(std::string_view kind);

// Of every kind.
std::map<std::string, base::FactInfo> facts_of_all_workloads();

}  // namespace windtunnel::scenarios

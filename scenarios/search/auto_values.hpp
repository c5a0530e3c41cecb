// Sizes that `auto` stands for in `search.vary`: what can divide the cluster's GPUs and the model.
//
// tensor: divisors of the GPUs that divide the heads; pipeline: divisors of the GPUs, at most the
// layers; context: divisors of the GPUs; expert: divisors of the experts; micro_batch: divisors of
// the global batch; virtual_stages: divisors of the layers, with and without embedding and head; max_batch: powers of two to 1024; replicas: 1, 2, 4, ... GPUs.
// That they go with each other is checked candidate by candidate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/scenario.hpp"

namespace windtunnel::scenarios {

// Whether `auto` stands for sizes there.
bool has_auto_values(std::string_view path);

// Pre: has_auto_values(path). In rising order, never empty.
std::vector<std::int64_t> auto_values(std::string_view path, const Scenario& scenario);

}  // namespace windtunnel::scenarios

// A measured serving run turned into what run_serve takes: model, cluster, job.
//
// What a row leaves blank is filled in as its benchmark and engine would, by one table a harness
// (serve_defaults.hpp), and listed in `inferred`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/networks/network.hpp"
#include "scenarios/serving/serve_row.hpp"
#include "sim/platform/cluster.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::scenarios {

struct MeasuredServe {
  std::shared_ptr<const models::Model> model;
  std::shared_ptr<const models::Network> network;
  sim::ValidCluster cluster;
  strategies::ServeJob job;
  std::vector<std::string> inferred;
};

struct ServeTurning {
  std::optional<MeasuredServe> scenario;
  std::string reason;  // why not, in a sentence
};
ServeTurning scenario_of(const ServeRow& row);

}  // namespace windtunnel::scenarios

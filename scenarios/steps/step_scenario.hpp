// A measured iteration turned into what run_train takes: model, cluster, job.
//
// What a row leaves blank is filled in as its software would, by one table a framework
// (step_defaults.hpp), and listed in `inferred`. A model is taken from the library where the row
// names one of it, with the row's own figures put in; else it is a GPT of the row's figures.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/networks/network.hpp"
#include "scenarios/steps/step_row.hpp"
#include "sim/platform/cluster.hpp"
#include "strategies/train/job.hpp"

namespace windtunnel::scenarios {

struct StepScenario {
  std::shared_ptr<const models::Model> model;
  std::shared_ptr<const models::Network> network;
  sim::ValidCluster cluster;
  strategies::TrainJob job;
  std::vector<std::string> inferred;  // "software: megatron-core", "recompute: none"
};

struct StepTurning {
  std::optional<StepScenario> scenario;
  std::string reason;  // why not, in a sentence
};
StepTurning scenario_of(const StepRow& row);

// The parts, for tests.
std::optional<models::Model> model_of(const StepRow& row, std::vector<std::string>& inferred);
sim::Cluster cluster_of(const StepRow& row, const sim::Gpu& gpu);

}  // namespace windtunnel::scenarios

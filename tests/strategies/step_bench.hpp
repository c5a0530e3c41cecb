// An engine or a server of batches on data sheets alone: eight GPUs a node, no profile.
#pragma once

#include <string>

#include "models/gpu_library.hpp"
#include "models/kernels/roofline_model.hpp"
#include "models/networks/library.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "tests/strategies/clusters.hpp"

namespace windtunnel::strategies::test {

struct StepBench {
  explicit StepBench(const std::string& gpu_name, const std::string& model_name, int nodes = 1)
      : gpu(*models::gpu_named(gpu_name)),
        cluster(valid(cluster_of(gpu, nodes))),
        kernels(gpu),
        model(*models::model_by_name(model_name)),
        network(models::build_network(model)) {
    job.workload.input = ConstantLength{1024};
    job.workload.output = ConstantLength{256};
    job.strategy.software = "vllm-0.19";
  }
  static sim::Cluster cluster_of(const sim::Gpu& gpu, int nodes) {
    sim::Cluster cluster = h100_nodes(nodes);
    cluster.node.gpu = gpu;
    return cluster;
  }
  EnginePlanning plan(EngineRole role = EngineRole::both) const {
    return make_engine_plan(job, {model, network}, {cluster, kernels}, role);
  }
  double time(const StepBatch& batch) const {
    return plan().plan->steps->time(batch).total.value();
  }

  sim::Gpu gpu;
  sim::ValidCluster cluster;
  models::RooflineModel kernels;
  models::Model model;
  models::Network network;
  ServeJob job;
};

}  // namespace windtunnel::strategies::test

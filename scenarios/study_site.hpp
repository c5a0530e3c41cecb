// What all cases of a sweep point share: the cluster with its network, and the calibrated model
// that answers for it. Built in the process that runs the study, so that workers inherit it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "calibration/fabric_profile.hpp"
#include "collectives/time_model.hpp"
#include "models/kernels/kernel_time_model.hpp"
#include "scenarios/scenario.hpp"
#include "sim/platform/network.hpp"
#include "strategies/collective/derated_network.hpp"
#include "strategies/collective/group_plan.hpp"

namespace windtunnel::scenarios {

// A shipped profile by its name, or one of the user's by its path (it ends in .yaml). Throws
// InputError where there is none or it has errors, EnvironmentError where the file cannot be read.
calibration::FabricProfile load_profile(const std::string& name_or_path);

// Kernel times of a GPU that trains.
std::shared_ptr<const models::KernelTimeModel> training_kernels(const sim::Gpu& gpu,
                                                                const std::string& calibration);

// Of the other GPUs of a cluster: a profile that the scenario names is of the cluster's own GPU.
std::function<std::shared_ptr<const models::KernelTimeModel>(const sim::Gpu&)>
other_training_kernels(const std::string& calibration);

class ModelSource {
 public:
  // The model for a scenario's `calibration`: the shipped one where the scenario names none; null
  // for "none" and for an imported platform. Throws as load_profile() does.
  std::shared_ptr<const collectives::TimeModel> model_for(const Scenario& scenario);
  // Kernel times of the cluster's GPU; null for a workload that computes nothing, and for a mix,
  // whose jobs have their own.
  std::shared_ptr<const models::KernelTimeModel> kernels_for(const Scenario& scenario);

 private:
  std::map<std::string, std::shared_ptr<const collectives::TimeModel>> loaded_;  // by name or path
};

struct Site {
  sim::ValidCluster cluster;
  sim::Network network;
  std::shared_ptr<const collectives::TimeModel> model;
  std::shared_ptr<const models::KernelTimeModel> kernels;  // null where nothing computes
  std::unique_ptr<strategies::GroupCache> groups{};        // filled as cases are looked at
  std::unique_ptr<strategies::DeratedNetworks> derated{};  // the same
};

// Keeps the last site: neighbouring points of a sweep mostly share their cluster.
class SiteCache {
 public:
  std::shared_ptr<const Site> at(const Scenario& scenario);

 private:
  ModelSource models_;
  std::string key_;
  std::shared_ptr<const Site> site_;
};

// The `cluster:` and `calibration:` sections of a resolved scenario: what a site depends on.
std::string site_key(const std::string& resolved_yaml);

}  // namespace windtunnel::scenarios

// One serving engine (a replica) with nothing left open: which GPUs it takes, the times of its steps,
// how many KV blocks it holds; or the sentence that says why it cannot be.
//
// Built by strategies/serve/step/ for LLMs; the simulation in strategies/serve/engine/ needs no
// more of a replica than this, so tests make their own with a constant step time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collectives/time_model.hpp"
#include "models/kernels/kernel_time_model.hpp"
#include "models/networks/model.hpp"
#include "models/networks/network.hpp"
#include "sim/platform/cluster.hpp"
#include "strategies/serve/job.hpp"
#include "strategies/serve/step_time.hpp"

namespace windtunnel::strategies {

enum class EngineRole { both, prefill, decode };

struct EngineMemory {
  base::Bytes capacity{0};  // of one GPU, times memory_fraction
  base::Bytes weights{0}, activation_peak{0}, graphs{0}, context{0}, communication{0};
  base::Bytes kv{0};        // what is left
  base::Bytes kv_token{0};  // a token takes this on one GPU, all layers
  std::int64_t blocks = 0;  // of one data-parallel attention rank
};

struct EnginePlan {
  EngineRole role = EngineRole::both;
  std::string gpu;        // name
  std::int64_t gpus = 1;  // tensor x pipeline x data
  std::int64_t data_ranks = 1;
  std::int64_t stages = 1;
  std::shared_ptr<StepTimeModel> steps;  // one per engine thread of simulation; may remember
  EngineMemory memory;
  base::Bytes kv_request_token{0};     // of a token, all GPUs of the engine together: what moves
  std::int64_t max_model_len = 0;      // 0: no limit
  base::Seconds request_time{0};       // of a request before its first step: front end, queues
  base::Seconds prompt_token_time{0};  // the same a token of its prompt: tokenizing
  bool plans_ahead = false;            // a step is planned when the one before it begins
  base::BytesPerSecond host_bandwidth{0};  // of the engine's GPUs to host memory; 0: free
  std::string software{};                  // name and version it stands for
  std::vector<std::string> notes{};        // what stood in for what
};

struct EnginePlanning {
  std::optional<EnginePlan> plan;
  // Why there is no plan (structure), or why the plan does not fit in memory (plan is there, but
  // memory.blocks is 0).
  std::string infeasible;
  std::vector<std::string> warnings;
};

struct ServeSubject {
  const models::Model& model;
  const models::Network& network;
};

struct ServeSite {
  const sim::ValidCluster& cluster;
  const models::KernelTimeModel& kernels;
  const collectives::TimeModel* links = nullptr;
  // Kernel times of another GPU by name, for pools; null: no such profile. Draft models by name.
  std::function<std::shared_ptr<const models::KernelTimeModel>(const std::string&)> kernels_of{};
  std::function<std::shared_ptr<const models::Model>(const std::string&)> model_of{};
};

// Pre: the model is a decoder (an LLM). `tensor` as for the role.
EnginePlanning make_engine_plan(const ServeJob& job, const ServeSubject& subject,
                                const ServeSite& site, EngineRole role);
// An engine of a pool beside the first: on the GPU of that name among the cluster's nodes.
EnginePlanning make_pool_plan(const ServeJob& job, const ServeSubject& subject,
                              const ServeSite& site, const Pool& pool);

// Time of a batch of a model without iterations (ResNet-50, BERT, DLRM, ...), for the batchers.
// `tokens`: of all sequences of the batch, padding included where it is computed; `longest`: of one.
class BatchTimeModel {
 public:
  virtual ~BatchTimeModel() = default;
  struct Batch {
    std::int64_t samples = 1;
    std::int64_t tokens = 1;
    std::int64_t longest = 1;
  };
  virtual StepTime time(const Batch& batch) = 0;
  virtual std::vector<std::string> notes() const { return {}; }
  virtual double low_factor() const { return 1.0; }
  virtual double high_factor() const { return 1.0; }
};

struct BatchPlan {
  std::shared_ptr<BatchTimeModel> batches;
  std::int64_t gpus = 1;
  EngineMemory memory;  // blocks without meaning
  std::string gpu, software;
  std::vector<std::string> rests_on{};  // measured interpolated model roofline extrapolated
  std::vector<std::string> notes{};
};
struct BatchPlanning {
  std::optional<BatchPlan> plan;
  std::string infeasible;
  std::vector<std::string> warnings;
};
BatchPlanning make_batch_plan(const ServeJob& job, const ServeSubject& subject,
                              const ServeSite& site);

}  // namespace windtunnel::strategies

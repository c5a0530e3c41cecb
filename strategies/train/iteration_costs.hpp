// What the parts of an iteration cost, before anything says when they run:
// passes of every chunk, hops between stages, gradients, optimizer steps, what
// the host and the data loader need. Whoever puts an iteration together (one
// rank of each stage, or every rank on an engine) starts from this.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "strategies/train/chunk_cost.hpp"
#include "strategies/train/goodput.hpp"
#include "strategies/train/gradient_sync.hpp"
#include "strategies/train/pipeline_times.hpp"
#include "strategies/train/rank_paces.hpp"
#include "strategies/train/sample_packing.hpp"
#include "strategies/train/storage_costs.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

struct TrainSite {
  const sim::ValidCluster& cluster;
  const models::KernelTimeModel& kernels;
  const collectives::TimeModel* links = nullptr;
  // Kernel times of another GPU, for clusters that have several kinds; empty: as `kernels`.
  std::function<std::shared_ptr<const models::KernelTimeModel>(const sim::Gpu&)> kernels_of{};
  PipelinePlans* met = nullptr;  // of a search: schedules that it made before
};

// A pass, and what of it is not waiting for other ranks: what slow GPUs take longer for.
struct PassParts {
  PassCosts all, computing;
};

// What passes take by class of GPU, shape of the micro-batch and model chunk.
class PassTable {
 public:
  PassTable() = default;
  PassTable(std::size_t classes, std::size_t shapes, std::size_t chunks)
      : shapes_(shapes), chunks_(chunks), costs_(classes * shapes * chunks) {}
  PassParts& at(std::size_t gpus, std::size_t shape, std::size_t chunk) {
    return costs_[(gpus * shapes_ + shape) * chunks_ + chunk];
  }
  const PassParts& at(std::size_t gpus, std::size_t shape, std::size_t chunk) const {
    return costs_[(gpus * shapes_ + shape) * chunks_ + chunk];
  }
  std::size_t shapes() const { return shapes_; }

 private:
  std::size_t shapes_ = 0, chunks_ = 0;
  std::vector<PassParts> costs_;
};

// A message from a stage to its neighbour, and what the receivers do to put its
// parts together.
struct Hop {
  CommunicationTime message;
  base::Seconds regather{0};
  base::Bytes bytes{0};  // on one rank
  base::Seconds time() const { return message.time + regather; }
};

struct IterationCosts {
  std::vector<ChunkCost> chunks;  // by model chunk, full, on the slowest GPUs of its stage
  PassTable passes;
  PipelineCosts schedule;
  std::vector<Hop> hops;  // as PipelineCosts::hops
  // By device of the pipeline.
  std::vector<SyncDevice> devices;
  std::vector<GradientPlan> gradients;
  std::vector<OptimizerTime> steps;
  CommunicationTime tied;  // gradients of tables that the first and the last stage share
  base::Seconds norm{0};   // over all ranks
  base::Seconds host_step{0};
  CheckpointCost checkpoint{};        // none: no bytes
  base::Seconds checkpoint_stop{0};   // of a step, all steps alike; set with the interval
  std::int64_t checkpoint_steps = 0;  // from one to the next; 0: never
  LoadingCost loading;
  std::vector<std::string> notes;  // what stood in for what

  const ChunkCost& chunk(const PipelinePlan& pipeline, std::int32_t device,
                         std::int32_t index) const {
    return chunks[static_cast<std::size_t>(pipeline.model_chunk({device, index}))];
  }
};

IterationCosts iteration_costs(const TrainPlan& plan, const models::Network& network,
                               const TrainSite& site, const RankPaces& paces);

// Passes of these parts of the model, for a full micro-batch, by class of GPU, with the links of the
// cluster's own kind of node.
std::vector<std::vector<PassParts>> passes_of_parts(const TrainPlan& plan,
                                                    const models::Network& network,
                                                    const TrainSite& site, const RankPaces& paces,
                                                    const std::vector<ChunkOfModel>& parts);

}  // namespace windtunnel::strategies

// Passes of whole pipeline chunks, as the schedule sees them.
//
// A chunk is its embedding, its layers and its head, as the split says. Distinct blocks are costed
// once and counted. Duration of a pass = device + idle: device = kernels + exchanges (+ what sharded
// weights keep it waiting); idle = max(0, host - device), host = launches x dispatch. A host that
// meets exchanges (HostAhead::to_exchange) does not issue beside them, and leads within the embedding,
// the layers or the head alone: idle = sum over these of max(0, host - device but exchanges). What is
// computed again is issued as a forward pass is. A backward pass also adds its gradients to those of the
// micro-batches before, where the software does that apart from the GEMMs (accumulation_bytes()).
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "models/networks/network.hpp"
#include "strategies/train/job.hpp"
#include "strategies/train/pass_cost.hpp"
#include "strategies/train/pipeline_times.hpp"
#include "strategies/train/software_stack.hpp"
#include "strategies/train/stage_split.hpp"

namespace windtunnel::strategies {

// Messages of sharded weights (ZeRO-3) beside a pass, the hidden part included.
struct ShardTraffic {
  base::Seconds time{0};
  base::Bytes far{0};  // sent between nodes by a rank
};

struct ChunkCost {
  PassCost forward, input, weight;                      // input: what is computed again included
  PassCost again;                                       // of input
  base::Seconds gather_forward{0}, gather_backward{0};  // exposed, of sharded weights (ZeRO-3)
  ShardTraffic shards_forward, shards_backward;
  base::Seconds offload_forward{0}, offload_backward{0};  // exposed, of offloaded activations
  base::Seconds idle_forward{0}, idle_backward{0};     // of the device, for kernels not yet issued
  double parameters_dense = 0, parameters_expert = 0;  // on one rank of the model-parallel group

  base::Seconds device_forward() const;
  base::Seconds device_backward() const;
  base::Seconds duration_forward() const { return device_forward() + idle_forward; }
  base::Seconds duration_backward() const { return device_backward() + idle_backward; }
  // Forward, and the backward cut in its two halves by what they do on the device.
  PassCosts passes() const;
};

// Costs chunks of one network; keeps what it knows of blocks.
// other_micro_batch: the forward pass of one micro-batch runs beside the backward pass of another,
// and the tokens of either travel while the other computes (Megatron-Core, combined 1F1B with
// --overlap-moe-expert-parallel-comm; DualPipe, arXiv 2412.19437, section 3.2.1). Of the exchange E
// of both passes and their computation C, E - min(0.9 E, C) is left; what is hidden slows the
// products beside it.
enum class ExpertOverlap { none, other_micro_batch };

// Whether a pass waits for its exchanges or another pass computes beside them (DualPipe's pairs): what
// is hidden there has no time in which shards and offloaded activations travel unnoticed.
enum class PassExchanges { waited_for, beside_other_pass };

class ChunkCosts {
 public:
  ChunkCosts(const models::Network& network, const models::BatchShape& batch,
             const models::LoweringOptions& options, const PassSite& site);

  struct Choices {
    models::Recompute recompute = models::Recompute::none;
    std::int64_t recompute_layers = 0;  // of a chunk; 0: all
    std::int64_t offload_layers = 0;    // of a chunk; 0: all
    SoftwareStack stack{};
    GroupShape gather{};        // ZeRO-3: who shards the weights; one rank: nobody
    GroupShape copies{};        // of a shard, that add up their gradients; one rank: none
    double gather_bytes = 2.0;  // a parameter
    // Between nodes, of a GPU, where the software gets less than NCCL (sharded_nics); 0: as NCCL.
    base::BytesPerSecond gather_rate{0};
    double reduce_bytes = 2.0;
    double accumulation_bytes = 0.0;  // a parameter, a micro-batch
    // Activations go to where there is room at this rate and come back; 0: they stay.
    base::BytesPerSecond offload{0};
    ExpertOverlap experts = ExpertOverlap::none;
    PassExchanges exchanges = PassExchanges::waited_for;
  };
  ChunkCost cost(const ChunkOfModel& chunk, const Choices& choices);

 private:
  struct BlockPasses {
    PassCost forward, input, weight, again;
    double dense = 0, expert = 0;
  };
  const BlockPasses& block(std::size_t index, models::Recompute recompute);
  void add_block(std::size_t index, models::Recompute recompute, const Choices& choices,
                 ChunkCost& out);

  const models::Network& network_;
  models::BatchShape batch_;
  const models::LoweringOptions& options_;
  const PassSite& site_;
  std::map<std::pair<std::size_t, models::Recompute>, BlockPasses> known_;
};

}  // namespace windtunnel::strategies

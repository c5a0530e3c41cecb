// `workload.kind: train` and its `strategy` (contract.md section 3) as plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/kernels/number_format.hpp"
#include "models/networks/activation_memory.hpp"
#include "models/networks/fine_tuning.hpp"
#include "models/networks/layout.hpp"
#include "sim/base/quantity.hpp"
#include "strategies/serve/lengths.hpp"
#include "strategies/train/pipeline_plan.hpp"
#include "strategies/train/rank_layout.hpp"

namespace windtunnel::strategies {

enum class Optimizer { sgd, momentum, adam, adamw, lamb, lars, adafactor };
enum class AttentionChoice { automatic, flash, unfused };
enum class ZeroLevel { none, optimizer, gradients, weights };  // ZeRO 0 to 3
enum class OffloadTarget { none, host, nvme };
// How tokens reach their experts (expert_sends.hpp): as the software does, or one of its dispatchers.
enum class ExpertDispatch { automatic, all_to_all, per_node };

std::string_view to_text(Optimizer optimizer);

// Reading samples: each GPU's batch comes from `storage_bandwidth` of its node, is prepared by
// `workers` of a node at `sample_time` each, and is ready before the step where `prefetch` > 0.
struct DataLoading {
  base::Bytes sample_bytes{0};  // 0: the model's (tokens of 4 bytes, or an image file of 110 kB)
  base::BytesPerSecond storage_bandwidth = base::BytesPerSecond::infinity();  // a node
  base::Seconds sample_time{0};
  std::int64_t workers = 8;
  std::int64_t prefetch = 2;
};

// Saving weights and optimizer states every `interval` steps; 0: never. With `best_interval` as
// often as is best with the cluster's failures (goodput.hpp).
struct Checkpointing {
  std::int64_t interval = 0;
  bool best_interval = false;
  base::BytesPerSecond bandwidth{0};  // of the storage, all nodes together
  bool asynchronous = false;          // to host memory first; only that copy stops the step
};

// Layers of stages: as many everywhere, or so that the slowest stage is as fast as can be.
enum class StageBalance { even, speed };

// How samples of different lengths become rows of a micro-batch (sample_packing.hpp).
enum class Packing { padded, longest, bucketed, packed };

struct TrainWorkload {
  std::int64_t sequence_length = 0;  // 0: the model's; no meaning for images
  std::int64_t encoder_length = 0;   // tokens of a source (encoder.hpp); 0: as sequence_length
  std::int64_t global_batch = 1;     // sequences, images
  models::NumberFormat precision = models::NumberFormat::bf16;
  Optimizer optimizer = Optimizer::adamw;
  DataLoading data_loading{};
  Checkpointing checkpointing{};
  std::int64_t total_tokens = 0;  // for days to a token count; 0: not asked
  // Mean length over the padded length, 1 where packed: tokens counted, work done on all.
  double filled = 1.0;
  // Of samples, drawn for each step; none: every row is full (or `filled`).
  std::optional<Lengths> lengths{};
  Packing packing = Packing::padded;
  models::FineTuning fine_tuning{};
};

struct Overlap {
  bool data = true;
  bool tensor = false;
  bool pipeline = true;
  bool expert = false;  // tokens travel while another micro-batch computes (chunk_cost.hpp)
};

struct TrainStrategy {
  ParallelSizes sizes{};
  bool data_auto = true;  // `data: auto`
  RankOrder rank_order = kDefaultRankOrder;
  bool sequence_parallel = false;
  models::ContextScheme context_scheme = models::ContextScheme::ring;
  ZeroLevel zero = ZeroLevel::none;
  // Ranks that ZeRO shards over, the others hold copies (hybrid sharding); 0: all of data x context.
  std::int64_t shard = 0;

  // Ranks over which dense weights, and weights of experts, are sharded.
  std::int64_t dense_shards() const;
  std::int64_t expert_shards() const;
  PipelineSchedule schedule = PipelineSchedule::one_f_one_b;
  std::int64_t virtual_stages = 1;
  std::int64_t micro_batch = 1;
  models::Recompute recompute = models::Recompute::none;
  std::int64_t recompute_layers = 0;             // of a stage; 0: all
  models::RecomputeModules recompute_modules{};  // of selective; none: as the software does
  ExpertDispatch expert_dispatch = ExpertDispatch::automatic;
  base::Bytes bucket{0};  // of gradients, a message; 0: as the software does
  Overlap overlap{};
  AttentionChoice attention = AttentionChoice::automatic;
  models::NumberFormat gradient_precision = models::NumberFormat::fp32;
  StageBalance balance = StageBalance::even;
  std::vector<std::int64_t> stage_layers{};  // stated by the user; empty: spread evenly
  OffloadTarget offload_optimizer = OffloadTarget::none;
  OffloadTarget offload_activations = OffloadTarget::none;
  std::int64_t offload_layers = 0;  // whose activations: of a chunk, the first ones; 0: all
  base::Bytes host_memory{0};       // of a node; 0: host_memory.hpp
  std::string software{};           // of software_stacks(); empty: the default
};

struct TrainJob {
  TrainWorkload workload;
  TrainStrategy strategy;
};

}  // namespace windtunnel::strategies

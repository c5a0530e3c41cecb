// What a training framework does that a strategy does not say: which kernels it fuses, what its
// host costs, what it overlaps. A prediction stands for one of these; its name is in the result.
//
// Every figure has a meaning and belongs to the framework, never to a model or a row. `dispatch` is
// the time the host needs for one kernel of the forward pass: Python modules, autograd, random-number
// state, and the small copies and casts beside it that are not counted as kernels; `step` what stands still
// once an iteration (data iterator, logging, synchronisation for overflow and norm), `micro_batch`
// the same once a micro-batch.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/networks/layout.hpp"
#include "sim/base/quantity.hpp"
#include "strategies/train/attention_generation.hpp"
#include "strategies/train/expert_sends.hpp"
#include "strategies/train/gradient_bucket.hpp"

namespace windtunnel::strategies {

// Of weights that ranks share. exposed: when they are needed; overlapped: a block ahead;
// within_layer: layers are turns of one compiled loop (XLA) and little crosses a turn, so that a part
// of it shows (chunk_cost.cpp). After the step of a sharded optimizer as exposed.
enum class WeightGather { exposed, overlapped, within_layer };
// Of gradients over micro-batches. fused: into the GEMM that makes them; separate: a kernel reads
// the new one and adds it to the sum; converted: as separate, but through a copy in the precision of
// the sum where that is wider (DeepSpeed's BF16_Optimizer).
enum class Accumulation { fused, separate, converted };
// Bytes a parameter that it moves, a micro-batch: w of the new gradient, g of the sum; separate
// w + 2 g, converted 2 w + 4 g (cast w + g, add 3 g, clear w).
double accumulation_bytes(Accumulation accumulation, double weight, double gradient);
// How far the host runs ahead of the device: freely, or until it meets a tensor rank's exchange, the
// loss or a micro-batch's end (stacks that read a value back there, or copy a mask's indices).
enum class HostAhead { free, to_exchange };
// Of backward exchanges between tensor ranks: beside_weights, those of column-split layers run while
// the gradient of the same layer's weights is computed, and with sequence parallelism the gathering of
// its input while that of the input is (Megatron-LM 3, LinearWithGradAccumulationAndAsyncCommunication);
// the products run as much slower as the kernel model says of products beside a collective.
enum class TensorBackward { exposed, beside_weights };
enum class StageSends { whole, scattered };  // scattered: each tensor rank sends its part
enum class SendTiming { blocking, beside };  // of messages between stages

struct SoftwareStack {
  std::string name;
  std::string description;
  models::Software forms{};
  base::Seconds dispatch{50e-6};
  base::Seconds backward_dispatch{32e-6};
  base::Seconds step{5e-3};
  base::Seconds micro_batch{0};
  WeightGather gather = WeightGather::exposed;
  // Of gradients, where the strategy states none; of those that ZeRO 1 or 2 shards where not the same.
  BucketRule bucket{};
  std::optional<BucketRule> sharded_bucket{};
  Accumulation accumulation = Accumulation::fused;
  TensorBackward tensor_backward = TensorBackward::exposed;
  HostAhead ahead = HostAhead::free;
  // NICs of a node that exchanges of sharded states (ZeRO 1 to 3) keep busy, all its GPUs together; 0:
  // as NCCL does.
  double sharded_nics = 0;
  StageSends sends = StageSends::scattered;
  SendTiming timing = SendTiming::blocking;
  AttentionGeneration attention = AttentionGeneration::current;
  ExpertSends experts = ExpertSends::per_expert;
  // Of an exchange in pieces beside a product (overlap.tensor), the share that hides where there is
  // enough to hide behind: pieces are products of fewer rows, and copies take from their bandwidth.
  double tensor_hidden = 1.0;
  base::Seconds expert_start{0};  // of the product of one expert (pass_cost.hpp); 0: one for all
  // That a layer of experts waits, forward, behind a plain all-to-all: its host reads how many tokens go
  // where, and issues permutation, exchange and the products of single experts from a standing start.
  base::Seconds expert_counts{0};
  std::string source;
};

const std::vector<SoftwareStack>& software_stacks();
const SoftwareStack& default_stack();
std::optional<SoftwareStack> stack_by_name(std::string_view name);
// The stack that a measurement's text speaks of ("Megatron-LM 6985e589", "NeMo 24.07"); nothing for
// an unknown one.
std::optional<SoftwareStack> stack_of_text(std::string_view text);

}  // namespace windtunnel::strategies

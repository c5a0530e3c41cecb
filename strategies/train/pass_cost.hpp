// What the passes of a chunk of a model cost on one rank: kernels, exchanges with the ranks that
// share the micro-batch, and what the host needs to issue them.
//
// Model: a pass takes max(kernels + launch gaps + exposed exchanges, launches x dispatch): the host
// runs ahead of the device unless kernels are shorter than issuing them. Exchanges of tensor and
// context parallelism lie between the kernels of a layer and are exposed; with overlap.tensor they
// are split in as many pieces as ranks and only the first piece and what the products cannot cover
// remains (AsyncTP, Megatron's tp-comm-overlap); a ring over context hides behind the attention it
// feeds, other schemes of context parallelism are waited for; tokens cross to the nodes of their
// experts as expert_sends.hpp says. Backward input passes contain what is computed again.
//
// Sums: gradients of weights that are added to the sums of micro-batches within the product
// (Transformer Engine): t = (t_product^1.5 + t_sums^1.5)^(1/1.5), t_sums the bytes of the sums at 0.85
// of the bandwidth.
// Experts whose products are kernels of their own, a few at a time (TE's grouped linear): start x
// experts more, twice that in 8 bits, whose operands are cast expert by expert, four times in nvfp4
// (largest value, Hadamard transform, casts along either dimension). Exponent,
// share and start (6 us) describe the grouped products in bf16 that SimuMax measured on a B200 (256 to
// 9,832 rows an expert, MooreThreads/SimuMax configs/system; stack_kernels_test.cpp). With a plain
// all-to-all, tokens are sorted by expert on either side of it: a copy for each exchange; and the host
// reads how many go where before it can issue what follows (SoftwareStack::expert_counts).
// Permutations move rows: half of a B200's bandwidth where a copy reaches 0.88 (SimuMax, permute_fwd and
// permute_bwd of configs/system/b200_bf16_ceperm.json), taken for every GPU.
//
// Products and attention take at least what the power limit leaves them over a long run, and
// attention what the generation of its kernels reaches (attention_generation.hpp).
// Bands: errors of kernels of one kind are taken as common (they add up), those of kinds as
// independent (their squares do).
#pragma once

#include <array>
#include <cstdint>

#include "models/kernels/kernel_time_model.hpp"
#include "models/networks/activation_memory.hpp"
#include "models/networks/lowering.hpp"
#include "strategies/train/attention_generation.hpp"
#include "strategies/train/expert_sends.hpp"
#include "strategies/train/group_clock.hpp"

namespace windtunnel::strategies {

enum class KernelKind : std::uint8_t { gemm, attention, moe, memory };  // moe: all of experts
inline constexpr std::size_t kKernelKinds = 4;

struct Interval {
  base::Seconds time{0}, low{0}, high{0};
  base::Bytes far{0};  // of exchanges: what a rank sends between nodes
  void add(base::Seconds t, base::Seconds l, base::Seconds h, double count);
  void add(const Interval& other, double count);
};

// Times of one pass, before host and device are held against each other.
struct PassCost {
  std::array<Interval, kKernelKinds> kernels{};  // by KernelKind
  Interval tensor{}, context{}, expert{};        // exposed exchanges
  std::int64_t launches = 0;
  std::int64_t tensor_launches = 0;  // of these, exchanges between tensor ranks
  base::Flops flops{0};
  base::Bytes bytes{0};
  std::array<base::Seconds, 4> by_basis{};  // kernel time by models::Basis
  base::Seconds extrapolated{0};

  base::Seconds compute() const;
  base::Seconds exchanges() const { return tensor.time + context.time + expert.time; }
  void add(const PassCost& other, double count = 1.0);
};

struct TensorGroups {
  GroupShape tensor{}, context{}, expert{};
};

enum class ExchangeOverlap { none, tensor };

// What a stack's kernels do (software_stack.hpp).
struct StackKernels {
  AttentionGeneration attention = AttentionGeneration::current;
  ExpertSends experts = ExpertSends::per_expert;
  double tensor_hidden = 1.0;
  double accumulated_bytes = 0.0;  // a weight, that a fused gradient product reads and writes
  base::Seconds expert_start{0};   // of the product of one expert, a kernel of its own
  base::Seconds expert_counts{0};  // until the host knows where tokens go (plain all-to-all)
};

// A product whose band reaches beyond this is of a stranger: a GPU without a measured relative of its
// architecture and width, whose products spread 0.4 and more (models/kernels/gemm_defaults.hpp: 0.25 of
// a measured GPU, 0.35 of another board). What power leaves it is not known better than its products
// are, and their errors do not average out over shapes.
inline constexpr double kForeignBand = 1.9;  // exp(1.645 x 0.39)

struct PassSite {
  const models::KernelTimeModel& kernels;
  const sim::Gpu& gpu;  // whose power limits what products keep up
                        // (models/kernels/power_limit.hpp)
  GroupClock& clock;
  const TensorGroups& groups;
  ExchangeOverlap overlap = ExchangeOverlap::none;
  StackKernels stack{};
};

// One pass over a block, or over one op of it. Deterministic; O(kernels).
PassCost pass_cost(const models::Block& block, const models::BatchShape& batch,
                   const models::LoweringOptions& options, models::Pass pass, const PassSite& site);
PassCost pass_cost(const models::Op& op, const models::BatchShape& batch,
                   const models::LoweringOptions& options, models::Pass pass, const PassSite& site);

// What the backward pass of a block computes again.
PassCost recomputation_cost(const models::Block& block, const models::BatchShape& batch,
                            const models::LoweringOptions& options, models::Recompute recompute,
                            const PassSite& site);

}  // namespace windtunnel::strategies

// What one rank of a pipeline stage of an LLM needs for a step: kernels and exchanges, by what they
// depend on.
//
//   dense(T)      linear layers, norms, rotary, KV writes, embedding, all-reduces on T tokens
//   experts(T)    MoE layers and their exchanges on the T tokens of all data ranks together
//   head(S)       final projection, sampling and the gathering of logits for S sequences
//   context(q,k)  attention of a prompt chunk of q tokens that ends at key k, all layers
//   decode(n,k,t) attention of n sequences of k keys on average, t tokens each
// Products run over all tokens of a step together, so a mixed step is no sum of two steps. The
// residual addition is part of the next norm's kernel, and shared experts' sums part of the routed
// ones' all-reduce, as engines fuse them. All-reduces run on the engine's own kernel up to its
// largest message inside a node, else as the calibrated collective. Narrow products:
// part_time.hpp. A 2:4 sparse product runs as one
// of half the depth, times 1.21: 1.65 times faster where the products bound it (1.5 to 1.8 in arXiv
// 2301.00774, table 6). Products and attention take at least what the power limit leaves
// (models/kernels/power_limit.hpp).
// Contract: seconds, >= 0. dense, experts, head and what attention adds beside its kernel are
// remembered, so that a warm answer costs the queries of attention alone; one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "collectives/time_model.hpp"
#include "models/kernels/kernel_time_model.hpp"
#include "models/networks/exchanges.hpp"
#include "models/networks/lowering.hpp"
#include "strategies/serve/step/engine_layout.hpp"
#include "strategies/serve/step/engine_stack.hpp"
#include "strategies/serve/step/part_time.hpp"
#include "strategies/serve/step_time.hpp"

namespace windtunnel::strategies {

struct RankSite {
  const models::KernelTimeModel& kernels;
  const sim::Gpu& gpu;
  GroupClock& clock;
  const collectives::TimeModel* links = nullptr;  // the clock's
  const EngineStack& stack;
};

enum class Sparsity { dense, two_four };
struct RankOptions {
  models::Formats formats{};
  double expert_skew = 0;
  Sparsity sparsity = Sparsity::dense;
};

class RankTimes {
 public:
  // All but the options outlive it.
  RankTimes(const models::Network& network, const EngineLayout& layout, const StageBlocks& stage,
            const RankOptions& options, const RankSite& site);

  double dense(std::int64_t tokens);
  double experts(std::int64_t tokens);
  double head(std::int64_t sequences);
  double context(std::int64_t queries, std::int64_t keys);
  double decode(std::int64_t sequences, double mean_keys, std::int64_t tokens_each);

  // The same by kinds, with bands; nothing remembered.
  PartTime dense_part(std::int64_t tokens) const;
  PartTime experts_part(std::int64_t tokens) const;
  PartTime head_part(std::int64_t sequences) const;
  PartTime context_part(std::int64_t queries, std::int64_t keys) const;
  PartTime decode_part(std::int64_t sequences, double mean_keys, std::int64_t tokens_each) const;

  // What a GPU sends to other nodes for so many tokens, tokens of all data ranks, and sequences.
  FarExchange far(std::int64_t tokens, std::int64_t expert_tokens, std::int64_t sequences);

  bool has_experts() const { return !expert_ops_.empty(); }
  double layers() const { return layers_; }
  // Queries of a small step, for the sentences about what stood in for what.
  std::vector<models::KernelQuery> sample_queries() const;

 private:
  struct OpUse {
    const models::Op* op = nullptr;
    double count = 0;
    bool reduces = true;  // its exchange is not another op's
  };
  // Attention layers of one shape.
  struct Attention {
    const models::Op* op = nullptr;
    const models::Op* absorbed = nullptr;  // latent attention: keys and values of a prompt's prefix
    double count = 0;
    models::AttentionQuery context{}, decode{};
    bool latent = false;
  };
  void sort_block(const models::Block& block, double count);
  void add_attention(const models::Op& op, const models::Op* absorbed, double count);

  models::LoweringOptions lowering(models::Mode mode) const;
  void add_kernel(const models::Kernel& kernel, double count, PartTime& out) const;
  void add_op(const OpUse& use, const models::BatchShape& batch, PartTime& out) const;
  void add_exchange(const models::Exchange& exchange, double count, PartTime& out) const;
  void add_collective(collectives::Op op, base::Bytes bytes, const GroupShape& group, double count,
                      PartTime& out) const;
  models::KernelTime bounded(models::KernelTime time, base::Bytes bytes,
                             const GroupShape& group) const;
  void add_expert_exchange(const models::MoeWork& work, std::int64_t tokens, double count,
                           PartTime& out) const;
  PartTime beside_context(std::int64_t queries) const;
  PartTime beside_decode(std::int64_t sequences, std::int64_t tokens_each) const;
  models::AttentionQuery context_query(const Attention& one, std::int64_t queries,
                                       std::int64_t keys) const;
  models::AttentionQuery decode_query(const Attention& one, std::int64_t sequences,
                                      double mean_keys, std::int64_t tokens_each) const;
  double attention_time(const models::AttentionQuery& query) const;

  const EngineLayout& layout_;
  RankOptions options_;
  RankSite site_;
  std::vector<OpUse> dense_ops_, expert_ops_, head_ops_, scan_ops_;
  std::vector<Attention> attention_;
  double layers_ = 0;
  double inverse_rate_ = 0;  // s/FLOP of attention within the power limit
  RememberedTimes dense_, experts_, head_, beside_context_, beside_decode_;
  std::map<std::int64_t, FarExchange> far_dense_, far_experts_, far_head_;
};

}  // namespace windtunnel::strategies

// Time of one batch of a model without iterations, as an inference compiler runs it: one fused graph.
//
// Model: activations, biases, residual additions, casts and folded batch norms are part of the
// product before them; layer and group norms, pooling, lookups and attention are kernels of their
// own, in the graph's own width (1 byte an element in INT8; FP8 graphs keep 16 bits between their
// products). A batch takes the sum of its kernels, or as long as the board's power makes its products
// take (batch_rates.hpp), and one launch of the graph; a diffusion model or one that covers its sample
// piece by piece runs its network `evaluations` times, the former the decoder of its image once after
// that (text encoders, a thousandth of an image, are left out).
// Products and convolutions (m = rows x positions, n = outputs, k = inputs x taps, s bytes an
// element):
//   t      = max(math, memory) + 0.2 min(math, memory)
//   math   = 2 m n' k' w d / R,  n' = n to 64, k' = k to 32
//   u      = (1 + 94 (1/128 + 1/n_t)) / (1 + 94 (1/128 + 1/256)), n_t = min(256, n'): narrow tiles
//            load more operands a product (gemm_form's `load`)
//   w      = u SMs / t, where the t tiles of 64 x 64 are too few to fill the device; else the best of
//            tiles of 128 x 256 and 128 x 128 in whole waves, and of 64 x 64, which load 1.87 times
//            as much (convolutions: u, waves are in their rate)
//   d      = (1 + k0 / k) / (1 + k0 / 4096), k0 = 256 bytes: filling and draining the pipeline of a
//            tile, which products of little depth do often (convolutions: 1, in their rate)
//   R      = a convolution's or a product's rate (batch_rates.hpp); convolutions of an FP8 graph
//            stay in 16 bits
//   memory = s (in + out + weights) as a copy: an input is read once, whatever the taps
// Attention over a whole sequence of at most 512 keys runs in one block a head, so that only its
// products (0.4 of R, lengths to 64) and its operands count; longer ones as the kernel model says.
// Lookups read `lookups` rows a sample and write one, all tables in one kernel; a row that is read
// costs 128 bytes beside its own (random sectors, DRAM pages and TLB entries: rows of 128 bytes come
// at half of a copy's bandwidth).
// Rows of a recommendation model are the batch's tokens (the user-item pairs of its queries), with
// embedding tables spread over `tensor` GPUs: each gathers for its tables, pooled rows are exchanged
// all to all, and dense layers run on 1 / tensor of the rows.
// Encoders see the batch's tokens (padding included where it is computed) and attention at their
// mean length, where samples are batched by length; else each query meets as many keys as the longest
// has, for which the batch's attention kernel is built. The masked-language head is left out: what is
// served is an answer, not a vocabulary.
// Assumption: samples are on the device when the batch starts (copies run beside the batch before).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "models/networks/lowering.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/step/batch_rates.hpp"
#include "strategies/serve/step/rank_times.hpp"

namespace windtunnel::strategies {

struct BatchOptions {
  std::shared_ptr<const models::Network> network;
  std::shared_ptr<const models::Network>
      once;  // run after the evaluations of `network`; may be null
  enum class Norms { folded, kernels } norms = Norms::kernels;
  enum class SampleRows { samples, tokens } rows = SampleRows::samples;
  enum class Lengths { sorted, mixed } lengths = Lengths::mixed;
  models::Formats formats{};
  std::int64_t tensor = 1;
  base::Seconds launch{20e-6};  // of the graph and its answer
  sim::Gpu gpu{};
  const sim::ValidCluster& cluster;
  const models::KernelTimeModel& kernels;
  const collectives::TimeModel* links = nullptr;
};

class FusedBatchTime final : public BatchTimeModel {
 public:
  explicit FusedBatchTime(BatchOptions options);
  FusedBatchTime(const FusedBatchTime&) = delete;
  FusedBatchTime& operator=(const FusedBatchTime&) = delete;

  StepTime time(const Batch& batch) override;
  std::vector<std::string> notes() const override;
  double low_factor() const override { return band_.low; }
  double high_factor() const override { return band_.high; }

  const std::vector<std::string>& rests_on() const { return rests_on_; }
  PartTime parts(const Batch& batch) const;  // of one evaluation, nothing remembered

 private:
  struct BatchCost {
    PartTime parts;
    double executed = 0;   // FLOPs of its products, with what fills up tiles
    double looked_up = 0;  // bytes of table rows
  };
  double least_time(const BatchCost& cost) const;  // s, within the board's power
  BatchCost cost(const models::Network& network, const Batch& batch) const;
  double pass_time(const models::Network& network, const Batch& batch) const;  // s
  bool fused_away(const models::Op& op) const;
  // rows x outputs x depth; `elements` of input and output maps.
  struct Product {
    std::int64_t rows = 1, outputs = 1, depth = 1, groups = 1;
    double elements = 0;
    double rate = 0;  // FLOP/s
    enum class Kind { product, convolution } kind = Kind::product;
  };
  double tiling(const Product& product) const;
  double shallow(const Product& product) const;
  void add_product(const Product& product, BatchCost& out) const;
  void add_short_attention(const models::AttentionQuery& query, double count, BatchCost& out) const;
  void add_lookups(std::int64_t rows, BatchCost& out) const;
  models::KernelTime copy_time(double bytes, models::MemoryOp op) const;
  void add_op(const models::Op& op, const models::BatchShape& shape, BatchCost& out) const;
  void add_query(const models::KernelQuery& query, double count, BatchCost& out) const;
  void add_table_exchange(std::int64_t rows, BatchCost& out) const;

  BatchOptions options_;
  mutable GroupClock clock_;
  BatchRates rates_;
  double element_ = 2;  // s, bytes
  PartTime::Factors band_;
  std::vector<std::string> rests_on_;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, double> known_;
};

}  // namespace windtunnel::strategies

// The time of one engine step of an LLM, from exactly what is in its batch.
//
// Model: kernels that see tokens alone (linear layers, norms, activations,
// experts) run once over all tokens of the step; the head over the sequences
// that get a token; attention (and scans) once for each prompt chunk, against
// its own keys, and once for all decodes, at their mean number of keys. A step
// of decodes alone replays a CUDA graph of the next captured batch; any other
// step is launched kernel by kernel and takes at least launches x launch of the
// host. Exchanges of tensor ranks take the better of the engine's own
// all-reduce and NCCL. Step = device and host as the engine stack says, one
// after the other or beside each other. With `stages` > 1 a step's `total` is
// that of the slowest stage and its `latency` that of all of them and the hops
// between. Kernels take at least what the power limit leaves them
// (models/kernels/power_limit.hpp).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/networks/exchanges.hpp"
#include "models/networks/lowering.hpp"
#include "models/networks/network.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/step/engine_stack.hpp"
#include "strategies/train/group_clock.hpp"

namespace windtunnel::strategies {

struct LlmEngine {
  models::Formats formats{};
  models::Layout layout{};
  double expert_skew = 0.0;
  std::int64_t stages = 1;
  std::int64_t data_ranks = 1;
  std::int64_t gpus_per_node = 8;  // of the cluster, for which groups cross nodes
  double kept_layers = 1.0;        // share of the layers that pruning leaves
  double linear_speedup = 1.0;     // of 2:4 sparse weights
  EngineStack stack{};
};

// Owned by one thread: remembers times by token count.
class LlmStepTime final : public StepTimeModel {
 public:
  // `network`, `site` and what it names outlive this.
  LlmStepTime(const models::Network& network, const ServeSite& site, LlmEngine engine);

  StepTime time(const StepBatch& batch) override;
  StepTime time(const std::vector<StepBatch>& ranks) override;
  std::vector<std::string> notes() const override { return notes_; }
  double low_factor() const override;
  double high_factor() const override;

  // Sums of kernel time by what it rests on, of the steps asked for so far.
  const std::map<std::string, double>& grounds() const { return grounds_; }
  // Device time of the parts of a step: "linear and experts", "attention",
  // "exchanges", "head".
  std::map<std::string, base::Seconds> parts(const StepBatch& batch);

 private:
  struct Cost {
    double time = 0, low = 0, high = 0, exchange = 0;  // seconds
    std::int64_t launches = 0;
    void add(const Cost& other, double count = 1);
  };
  struct Part {  // a block, and how often the slowest stage and all stages have
                 // it
    const models::Block* block = nullptr;
    double in_stage = 0, in_all = 0;
  };
  enum class OpKind { token, sequence };  // sequence: attention, scans, absorbed products
  static OpKind kind_of(const models::Op& op);

  void place_blocks(const models::Network& network);
  Cost lowered(const models::Op& op, const models::BatchShape& batch, models::Mode mode);
  Cost exchanged(const models::Op& op, const models::BatchShape& batch, models::Mode mode);
  double exchange_time(const models::Exchange& exchange);
  GroupShape group(std::int64_t ranks) const;
  // All token ops of the engine for `tokens` (`expert_tokens` a rank on
  // average), by stage and in all.
  struct Both {
    Cost stage, all;
  };
  const Both& token_cost(std::int64_t tokens);
  const Both& head_cost(std::int64_t sequences);
  Both attention_cost(const StepBatch& batch, std::int64_t decodes);
  std::int64_t captured(std::int64_t decodes) const;
  StepTime assemble(const Both& device, const StepBatch& batch, bool graph);
  Both device_cost(const StepBatch& batch, std::int64_t tokens, std::int64_t decodes);

  const ServeSite& site_;
  LlmEngine engine_;
  GroupClock clock_;
  std::vector<Part> layers_, heads_;
  std::map<std::int64_t, Both> tokens_, sequences_;
  std::vector<const Both*> quick_tokens_;
  double hop_bytes_ = 0;
  double sum_ = 0, low_ = 0, high_ = 0;
  std::map<std::string, double> grounds_;
  std::vector<std::string> notes_;
};

}  // namespace windtunnel::strategies

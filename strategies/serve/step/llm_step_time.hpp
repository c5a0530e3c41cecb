// Time of one step of an LLM engine: what its GPUs need for the batch, what its host needs, and how
// the two lie beside each other.
//
// Model, T tokens of the step (padded up to a captured size where a CUDA graph is replayed), S
// sequences that get a token, stages s:
//   device_s = dense_s(T) + experts_s(T of all data ranks) + sum context_s(chunk)
//              + decode_s(n, mean keys) + head(S) on the last stage
//   total    = as engine_stack.hpp joins device and host; of several stages the slowest, and a hop
//   latency  = all stages one after the other, hops and host
// Speculation: a step verifies tokens_a_decode tokens a sequence; the draft's tokens_a_decode - 1
// steps come before it (a draft model's own, or the stated time), and a draft model reads prompts
// too. Ranks of data-parallel attention run their linear layers side by side and wait for each
// other at the experts, so a step takes the slowest rank's own part and everyone's experts.
// Bands: of a typical step, kernels' bands (errors of a kind common, of kinds independent), the
// host's 30 %, and what all of an engine's device times may be off together (kEngineBand).
// Contract: as StepTimeModel; remembers, so one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "strategies/serve/step/rank_times.hpp"
#include "strategies/serve/step_time.hpp"

namespace windtunnel::strategies {

// All that a step time refers to; the referred-to outlive it, but for what it shares.
struct LlmStepOptions {
  std::shared_ptr<const models::Network> network;
  const sim::ValidCluster& cluster;
  const models::KernelTimeModel& kernels;
  const collectives::TimeModel* links = nullptr;
  sim::Gpu gpu{};
  EngineStack stack{};
  EngineLayout layout{};
  RankOptions rank{};
  std::int64_t draft_tokens = 0;
  base::Seconds draft_time{0};
  std::shared_ptr<StepTimeModel> draft{};
  std::shared_ptr<const void> keep{};  // kernels, where they are shared
  // Whose kernels `kernels` knows: bands are wider where it is another release's.
  enum class Tables { of_this_release, of_another } tables = Tables::of_another;
};

class LlmStepTime final : public StepTimeModel {
 public:
  explicit LlmStepTime(LlmStepOptions options);
  LlmStepTime(const LlmStepTime&) = delete;
  LlmStepTime& operator=(const LlmStepTime&) = delete;

  StepTime time(const StepBatch& batch) override;
  StepTime time(const std::vector<StepBatch>& ranks) override;
  // Of engines of one stage.
  FarExchange far(const std::vector<StepBatch>& ranks) override;
  std::vector<std::string> notes() const override;
  double low_factor() const override { return low_; }
  double high_factor() const override { return high_; }
  std::vector<std::string> rests_on() const override { return rests_on_; }

 private:
  struct Padded {
    std::int64_t tokens = 0;
    double issue = 0;  // s, of the host
  };
  Padded padded(const StepBatch& batch) const;
  double attention(RankTimes& rank, const StepBatch& batch);
  double draft_time(const StepBatch& batch);
  StepTime joined(const std::vector<double>& stages, const StepBatch& batch, const Padded& padded);
  base::Seconds hop(std::int64_t tokens);
  void measure_bands();

  LlmStepOptions options_;
  GroupClock clock_;
  std::vector<RankTimes> stages_;
  std::vector<double> device_;  // of a step's stages, kept to save allocations
  double kernels_eager_ = 0, pieces_ = 0;
  double low_ = 1.0, high_ = 1.0;
  std::vector<std::string> rests_on_;
};

}  // namespace windtunnel::strategies

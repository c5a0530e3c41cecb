// How long one step of an inference engine takes, from exactly what is in its batch.
//
// A step runs chunks of prompts and tokens of running sequences together: linear layers see the sum
// of their tokens, attention sees each sequence's own keys, the head sees the sequences that get a
// token. StepTimeModel is what schedulers ask; strategies/serve/step/ answers it from kernel cost
// models, tests may answer it with a constant.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/quantity.hpp"

namespace windtunnel::strategies {

// `tokens` new tokens of a prompt of which `cached` are in the KV cache already. `last`: the prompt
// is complete after this chunk and gets its first token.
struct PromptChunk {
  std::int64_t tokens = 0;
  std::int64_t cached = 0;
  bool last = true;
};

// One data-parallel attention rank's share of a step.
struct StepBatch {
  std::vector<PromptChunk> prompts{};
  std::int64_t decodes = 0;          // sequences that get their next token
  std::int64_t decode_kv = 0;        // keys that all of them attend to together
  std::int64_t tokens_a_decode = 1;  // 1, and drafted tokens to be verified

  std::int64_t prompt_tokens() const;
  std::int64_t tokens() const { return prompt_tokens() + decodes * tokens_a_decode; }
  bool empty() const { return prompts.empty() && decodes == 0; }
};

// `total` is what passes between the starts of two successive steps of a busy engine: device time,
// or the host's where that is longer, and the gap between steps. `device`: the GPU is busy.
// `latency` >= total: until the step's tokens exist (pipeline parallel engines have several steps
// under way, so `total` is a stage's time).
struct StepTime {
  base::Seconds total{0};
  base::Seconds latency{0};
  base::Seconds device{0};
};

// What the GPUs of an engine send to other nodes on a step: bytes of each, and how long that takes
// with nobody else on the way (a part of the step's time).
struct FarExchange {
  base::Bytes bytes{0};
  base::Seconds time{0};
};

class StepTimeModel {
 public:
  virtual ~StepTimeModel() = default;
  // Pre: not empty. Deterministic, thread-safe once built or owned by one thread (implementations
  // may remember); a few microseconds at most for a batch of few prompts.
  virtual StepTime time(const StepBatch& batch) = 0;
  // All data-parallel attention ranks of an engine with shared experts, which step together; an
  // idle rank has an empty batch and runs a dummy step. Default: the slowest rank's time.
  virtual StepTime time(const std::vector<StepBatch>& ranks);
  // Of engines on one node, and of those whose model does not tell: nothing.
  virtual FarExchange far(const std::vector<StepBatch>& /*ranks*/) { return {}; }
  // What stood in for what, in sentences.
  virtual std::vector<std::string> notes() const { return {}; }
  // What the times rest on: measured interpolated model roofline extrapolated.
  virtual std::vector<std::string> rests_on() const { return {}; }
  // 90 % band of a step's time as factors on it: low <= 1 <= high, taken as common to all steps.
  virtual double low_factor() const { return 1.0; }
  virtual double high_factor() const { return 1.0; }
};

}  // namespace windtunnel::strategies

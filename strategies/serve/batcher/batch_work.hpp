// What a formed batch costs to run.
//
// Model. A run takes the GPU's host first, then the device, which instances of
// the model on one GPU share alike (each of k batches runs at 1/k of the
// speed), then what passes on other stages of a pipeline:
//   host = total - device, device, tail = latency - total      (StepTime)
// A model without iterations runs a batch in one piece. An LLM served request
// by request (FasterTransformer and the like) runs the prompts of a batch
// together, then decodes until its longest output is complete; a sequence that
// is complete keeps its place and all answers leave together (Yu et al. 2022,
// Orca, section 3). A batch whose sequences do not fit in the KV cache, each
// with its prompt and its whole output, is run as several, one after another.
// Inputs of a batch are padded to its longest where `pad_to_longest` says so,
// else their padding is removed. Samples that fill up to an allowed size
// (FormedBatch::executed) are copies of the first.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "strategies/serve/batcher/batch_queue.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/request.hpp"
#include "strategies/serve/step_time.hpp"

namespace windtunnel::strategies {

struct WorkSegment {
  base::Seconds host{0}, device{0}, tail{0};
  WorkSegment& operator+=(const StepTime& step);
};

// Pieces first_piece .. last_piece - 1 of a formed batch, run together.
struct BatchRun {
  std::size_t first_piece = 0, last_piece = 0;
  std::int64_t samples = 0;    // executed
  std::int64_t kv_tokens = 0;  // that it reserves
  WorkSegment first{};         // until each sequence has a token, or the answers are there
  WorkSegment rest{};          // of the other tokens
  // Times between tokens, as many as the longest output has after its first.
  std::vector<base::Seconds> gaps{};
};

class BatchWork {
 public:
  virtual ~BatchWork() = default;
  // `requests`: those that the pieces name.
  virtual std::vector<BatchRun> runs(const FormedBatch& batch,
                                     std::span<const Request> requests) = 0;
  // Whether a batch could ever hold it.
  virtual bool possible(const Request& request) const = 0;
  // That its engine's cache holds; 0: none, or no limit.
  virtual std::int64_t kv_tokens() const { return 0; }
  // Tokens are seen as they are made, not with the answer.
  virtual bool streams() const = 0;
};

enum class InputPadding { removed, to_longest };

std::unique_ptr<BatchWork> one_pass_work(std::shared_ptr<BatchTimeModel> times,
                                         InputPadding padding);

struct RunToCompletionOptions {
  InputPadding padding = InputPadding::removed;
  std::int64_t kv_tokens = 0;      // that the engine's cache holds; 0: no limit
  std::int64_t max_model_len = 0;  // 0: no limit
};
std::unique_ptr<BatchWork> run_to_completion_work(std::shared_ptr<StepTimeModel> times,
                                                  const RunToCompletionOptions& options);

}  // namespace windtunnel::strategies

#include "strategies/serve/batcher/batch_work.hpp"

#include <algorithm>
#include <utility>

namespace windtunnel::strategies {
namespace {

const Request& named(std::span<const Request> requests, const BatchPiece& piece) {
  return requests[static_cast<std::size_t>(piece.request)];
}

class OnePass : public BatchWork {
 public:
  OnePass(std::shared_ptr<BatchTimeModel> times, InputPadding padding)
      : times_(std::move(times)), padding_(padding) {}

  std::vector<BatchRun> runs(const FormedBatch& batch, std::span<const Request> requests) override {
    BatchTimeModel::Batch shape{.samples = batch.executed, .tokens = 0, .longest = 0};
    for (const BatchPiece& piece : batch.pieces) {
      const std::int64_t length = named(requests, piece).input_tokens;
      shape.tokens += length * piece.samples;
      shape.longest = std::max(shape.longest, length);
    }
    shape.tokens +=
        (batch.executed - batch.samples) * named(requests, batch.pieces.front()).input_tokens;
    if (padding_ == InputPadding::to_longest) shape.tokens = shape.samples * shape.longest;
    BatchRun run{.first_piece = 0, .last_piece = batch.pieces.size(), .samples = batch.executed};
    run.first += times_->time(shape);
    return {run};
  }
  bool possible(const Request&) const override { return true; }
  bool streams() const override { return false; }

 private:
  std::shared_ptr<BatchTimeModel> times_;
  InputPadding padding_;
};

class RunToCompletion : public BatchWork {
 public:
  RunToCompletion(std::shared_ptr<StepTimeModel> times, const RunToCompletionOptions& options)
      : times_(std::move(times)), options_(options) {}

  std::vector<BatchRun> runs(const FormedBatch& batch, std::span<const Request> requests) override {
    std::vector<BatchRun> all;
    for (std::size_t from = 0; from < batch.pieces.size();) {
      all.push_back(run(batch, requests, from));
      from = all.back().last_piece;
    }
    return all;
  }

  bool possible(const Request& request) const override {
    const std::int64_t length = request.input_tokens + request.output_tokens;
    return (options_.kv_tokens <= 0 || length * request.samples <= options_.kv_tokens) &&
           (options_.max_model_len <= 0 || length <= options_.max_model_len);
  }
  std::int64_t kv_tokens() const override { return options_.kv_tokens; }
  bool streams() const override { return true; }

 private:
  // A sequence holds `input` of the prompt and the longest output, as long as
  // the batch runs.
  struct Sizes {
    std::int64_t samples = 0, inputs = 0, longest_input = 0, longest_output = 0;
    std::int64_t kv(InputPadding padding) const {
      const std::int64_t prompts =
          padding == InputPadding::to_longest ? samples * longest_input : inputs;
      return prompts + samples * longest_output;
    }
  };

  BatchRun run(const FormedBatch& batch, std::span<const Request> requests, std::size_t from) {
    Sizes sizes;
    BatchRun out{.first_piece = from, .last_piece = from};
    for (; out.last_piece < batch.pieces.size(); ++out.last_piece) {
      const BatchPiece& piece = batch.pieces[out.last_piece];
      const Request& request = named(requests, piece);
      Sizes larger = sizes;
      larger.samples += piece.samples;
      larger.inputs += piece.samples * request.input_tokens;
      larger.longest_input = std::max(larger.longest_input, request.input_tokens);
      larger.longest_output = std::max(larger.longest_output, request.output_tokens);
      const bool fits =
          options_.kv_tokens <= 0 || larger.kv(options_.padding) <= options_.kv_tokens;
      if (!fits && out.last_piece > from) break;
      sizes = larger;
    }
    out.kv_tokens = sizes.kv(options_.padding);
    add_steps(batch, requests, sizes, out);
    return out;
  }

  void add_steps(const FormedBatch& batch, std::span<const Request> requests, const Sizes& sizes,
                 BatchRun& out) {
    const bool padded = options_.padding == InputPadding::to_longest;
    StepBatch step;
    for (std::size_t i = out.first_piece; i < out.last_piece; ++i) {
      const std::int64_t own = named(requests, batch.pieces[i]).input_tokens;
      const PromptChunk chunk{.tokens = padded ? sizes.longest_input : own};
      step.prompts.insert(step.prompts.end(), static_cast<std::size_t>(batch.pieces[i].samples),
                          chunk);
    }
    const std::int64_t fill = batch.executed - batch.samples;
    if (fill > 0 && out.last_piece == batch.pieces.size()) {
      step.prompts.insert(step.prompts.end(), static_cast<std::size_t>(fill), step.prompts.front());
    }
    const std::int64_t prompt_tokens = step.prompt_tokens();
    out.samples = std::ssize(step.prompts);
    out.first += times_->time(step);
    step = {.decodes = out.samples};
    for (std::int64_t token = 1; token < sizes.longest_output; ++token) {
      step.decode_kv = prompt_tokens + token * out.samples;
      const StepTime time = times_->time(step);
      out.rest += time;
      out.gaps.push_back(time.latency);
    }
  }

  std::shared_ptr<StepTimeModel> times_;
  RunToCompletionOptions options_;
};

}  // namespace

WorkSegment& WorkSegment::operator+=(const StepTime& step) {
  host += base::max(step.total - step.device, base::Seconds(0));
  device += base::min(step.device, step.total);
  tail += base::max(step.latency - step.total, base::Seconds(0));
  return *this;
}

std::unique_ptr<BatchWork> one_pass_work(std::shared_ptr<BatchTimeModel> times,
                                         InputPadding padding) {
  return std::make_unique<OnePass>(std::move(times), padding);
}

std::unique_ptr<BatchWork> run_to_completion_work(std::shared_ptr<StepTimeModel> times,
                                                  const RunToCompletionOptions& options) {
  return std::make_unique<RunToCompletion>(std::move(times), options);
}

}  // namespace windtunnel::strategies

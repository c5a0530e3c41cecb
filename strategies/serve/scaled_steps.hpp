// Step and batch times all longer or shorter by one factor: how a run would go if kernels were as slow,
// or as fast, as their bands allow.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "strategies/serve/engine_plan.hpp"

namespace windtunnel::strategies {

inline StepTime scaled(StepTime time, double factor) {
  return {.total = time.total * factor,
          .latency = time.latency * factor,
          .device = time.device * factor};
}

class ScaledSteps final : public StepTimeModel {
 public:
  ScaledSteps(std::shared_ptr<StepTimeModel> steps, double factor)
      : steps_(std::move(steps)), factor_(factor) {}
  StepTime time(const StepBatch& batch) override { return scaled(steps_->time(batch), factor_); }
  StepTime time(const std::vector<StepBatch>& ranks) override {
    return scaled(steps_->time(ranks), factor_);
  }

 private:
  std::shared_ptr<StepTimeModel> steps_;
  double factor_;
};

class ScaledBatches final : public BatchTimeModel {
 public:
  ScaledBatches(std::shared_ptr<BatchTimeModel> batches, double factor)
      : batches_(std::move(batches)), factor_(factor) {}
  StepTime time(const Batch& batch) override { return scaled(batches_->time(batch), factor_); }

 private:
  std::shared_ptr<BatchTimeModel> batches_;
  double factor_;
};

}  // namespace windtunnel::strategies

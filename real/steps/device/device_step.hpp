// A training step on one GPU: the ops of step_ops.hpp on this project's kernels and cuBLASLt, bf16
// with fp32 master weights, fp32 gradients and AdamW.
//
// Every op is bound to its memory when the step is made, so that running one only queues its kernels
// (which a CUDA graph can capture). Weight gradients leave the GEMM in fp32 in their place of the flat
// gradient; nothing accumulates over steps.
// Contract: belongs to the device current at construction; ops run in order on one stream at a time.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "real/cuda/device.hpp"
#include "real/cuda/gemm.hpp"
#include "real/kernels/kernel_arguments.hpp"
#include "real/steps/reference_step.hpp"
#include "real/steps/step_arena.hpp"
#include "real/steps/step_ops.hpp"

namespace windtunnel::real {

class DeviceStep {
 public:
  // Throws PointRefused where the shape is beyond a kernel or the memory that is free.
  DeviceStep(const StepShape& shape, CublasLt& library);

  const StepShape& shape() const { return shape_; }
  const ParameterLayout& layout() const { return layout_; }
  const std::vector<StepOp>& ops() const { return ops_; }
  std::int64_t memory_bytes() const { return memory_.bytes(); }

  // Random parameters (each tensor's initial_range) and data; blocking. Replicas take the same
  // parameters and data of their own.
  struct Seeds {
    std::uint64_t parameters = 1, data = 1;
  };
  void fill(const Seeds& seeds, const Stream& stream);
  // The same numbers as the reference's; blocking.
  void load(std::span<const double> parameters, const step_reference::StepInput& input);
  // Each GEMM takes the fastest of cuBLASLt's candidates on this device; blocking.
  void tune(const Stream& stream);

  void run(std::size_t op, cudaStream_t stream) const { launches_[op](stream); }
  void run_all(cudaStream_t stream) const;

  // The flat gradient, fp32, ParameterLayout's order; factor of it in the optimizer (1 / ranks).
  float* gradient() const { return at<float>(StepTensor::gradient); }
  void scale_gradient(float factor) { adam_->gradient_scale = factor; }
  AdamStep& optimizer() { return *adam_; }

  // Read back, blocking: for checks.
  std::vector<float> gradients() const;
  std::vector<float> master_weights(std::int64_t count) const;  // the first ones
  double loss() const;  // mean over the tokens; of a whole model

 private:
  using Launch = std::function<void(cudaStream_t)>;

  template <class T = void>
  T* at(StepTensor tensor, std::int64_t layer = -1) const {
    return reinterpret_cast<T*>(memory_.as<char>() + arena_.offset(tensor, layer));
  }
  const void* weights(Parameter which, std::int64_t layer) const;
  float* gradient_of(Parameter which, std::int64_t layer) const;
  // The gradient that block `layer` starts its backward from.
  const void* incoming(std::int64_t layer) const;

  void fill_parameters(std::uint64_t seed, const Stream& stream);
  void fill_data(std::uint64_t seed, const Stream& stream);
  Launch bind(const StepOp& op);
  Launch bind_gemm(const StepOp& op);
  GemmOperands operands(const StepOp& op) const;
  Launch bind_norm(const StepOp& op) const;
  Launch bind_norm_backward(const StepOp& op) const;
  Launch bind_attention(const StepOp& op) const;
  Launch bind_rotary(const StepOp& op) const;
  Launch bind_activation(const StepOp& op) const;
  Launch bind_add(const StepOp& op) const;
  Launch bind_embedding(const StepOp& op) const;
  Launch bind_loss(const StepOp& op) const;
  void refuse_what_does_not_fit() const;

  StepShape shape_;
  ParameterLayout layout_;
  StepArena arena_;
  std::vector<StepOp> ops_;
  CublasLt& library_;
  DeviceBuffer memory_, attention_workspace_, norm_workspace_;
  std::unique_ptr<AdamStep> adam_;
  std::map<StepOpKind, std::shared_ptr<GemmPlan>> plans_;
  std::vector<Launch> launches_;
};

}  // namespace windtunnel::real

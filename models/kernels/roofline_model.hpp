// Kernel times from a data sheet alone: what answers for a GPU or a kernel that nobody measured.
//
// Each kind asks its physical form with the parameters of the GPU's nearest measured relative
// (default_gemm_parameters and its like), so tiles, waves, knees and launch floors are in it and the
// data sheet carries the difference. Every answer has basis `roofline` and a wide band: the spread of
// such carried-over efficiencies between measured GPUs (ln 0.35 to 0.7 at 90 %).
// Interference comes from shares of the device: a collective takes `kCollectiveMultiprocessors` SMs
// (NCCL runs 16 channels of one SM each inside a node) and moves at most the link's rate through
// memory; a copy moves the link's rate. So slowdown = 1 / (1 - share taken), at most 2.
// Contract: as KernelTimeModel; needs memory_bandwidth and one peak in the sheet.
#pragma once

#include <memory>

#include "models/kernels/kernel_time_model.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

class RooflineModel final : public KernelTimeModel {
 public:
  explicit RooflineModel(sim::Gpu gpu);
  ~RooflineModel() override;
  RooflineModel(const RooflineModel&) = delete;
  RooflineModel& operator=(const RooflineModel&) = delete;

  std::string name() const override;
  KernelTime time(const GemmQuery& query) const override;
  KernelTime time(const AttentionQuery& query) const override;
  KernelTime time(const MoeQuery& query) const override;
  KernelTime time(const MemoryQuery& query) const override;
  KernelTime time(const LaunchQuery& query) const override;
  KernelTime time(const CopyQuery& query) const override;
  KernelTime time(const FusedAllReduceQuery& query) const override;
  double slowdown(const InterferenceQuery& query) const override;
  std::string note(const KernelQuery& query) const override;

  const sim::Gpu& gpu() const;

 private:
  struct Forms;
  std::unique_ptr<const Forms> forms_;
};

}  // namespace windtunnel::models

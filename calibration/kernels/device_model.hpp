// What answers kernel queries for one GPU: a fitted profile, and behind it what stands in.
//
// For each kind and number format, bound once when the model is made:
//   1. the profile's own component (of several kernels the one with most rows), or that of a twin
//      format of the same width and rate (fp16 and bf16)               band wider by ln 0.05
//   2. the same of another stack of this GPU                          band wider by ln 0.10
//   3. a near format or op of this stack, then of another             band wider by ln 0.20
//   4. the physical form with the nearest relative's efficiencies (RooflineModel)
// A profile of another GPU than the sheet's (asked for by name) answers with its efficiencies on this
// sheet: band wider by ln 0.25, flagged extrapolated. `note` says which of these spoke.
// Contract: as KernelTimeModel; a warm answer takes no lock and allocates nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "calibration/kernels/kernel_profile.hpp"
#include "models/kernels/kernel_time_model.hpp"
#include "models/kernels/roofline_model.hpp"

namespace windtunnel::calibration {

class DeviceModel final : public models::KernelTimeModel {
 public:
  // The first profile is the one asked for, the others stand in.
  DeviceModel(std::vector<KernelProfile> profiles, sim::Gpu gpu);
  ~DeviceModel() override;
  DeviceModel(const DeviceModel&) = delete;
  DeviceModel& operator=(const DeviceModel&) = delete;

  std::string name() const override;
  models::KernelTime time(const models::GemmQuery& query) const override;
  models::KernelTime time(const models::AttentionQuery& query) const override;
  models::KernelTime time(const models::MoeQuery& query) const override;
  models::KernelTime time(const models::MemoryQuery& query) const override;
  models::KernelTime time(const models::LaunchQuery& query) const override;
  models::KernelTime time(const models::CopyQuery& query) const override;
  models::KernelTime time(const models::FusedAllReduceQuery& query) const override;
  double slowdown(const models::InterferenceQuery& query) const override;
  std::string note(const models::KernelQuery& query) const override;

  const sim::Gpu& gpu() const { return roofline_.gpu(); }
  const std::vector<KernelProfile>& profiles() const;

 private:
  struct Tables;
  models::RooflineModel roofline_;
  std::unique_ptr<const Tables> tables_;
};

// The model for a GPU and a scenario's `calibration`: "" the GPU's default stack, a name of `list
// profiles` or of a GPU, a path ending in .yaml, "none" the roofline alone. Other shipped stacks of
// the GPU stand in. Throws as load_kernel_profile() does, and InputError for an unknown name.
std::shared_ptr<const models::KernelTimeModel> kernel_model_for(const sim::Gpu& gpu,
                                                                const std::string& calibration);

}  // namespace windtunnel::calibration

// A component of a profile bound to a GPU and ready to answer: what a fit of one kind must offer so
// that `DeviceModel` can serve it. The model of each kind lives in its own file; the bind functions
// are called once a profile is loaded, `time` on the warm path.
//
// Contract of `time`: thread-safe, no allocation, time > 0, low <= time <= high (90 %),
// `extrapolated` outside the ranges that the component saw. A bind function returns nothing where the
// component is of a kind or version it does not know.
#pragma once

#include <memory>

#include "calibration/kernels/kernel_profile.hpp"
#include "models/kernels/kernel_time_model.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::calibration {

template <class Query>
class ComponentModel {
 public:
  virtual ~ComponentModel() = default;
  virtual models::KernelTime time(const Query& query) const = 0;
};

template <class Query>
using BoundComponent = std::unique_ptr<const ComponentModel<Query>>;

BoundComponent<models::GemmQuery> bind_gemm(const Component& component, const sim::Gpu& gpu);
BoundComponent<models::AttentionQuery> bind_attention(const Component& component,
                                                      const sim::Gpu& gpu);
BoundComponent<models::MoeQuery> bind_moe(const Component& component, const sim::Gpu& gpu);
BoundComponent<models::MemoryQuery> bind_memory(const Component& component, const sim::Gpu& gpu);
BoundComponent<models::LaunchQuery> bind_launch(const Component& component, const sim::Gpu& gpu);
BoundComponent<models::CopyQuery> bind_copy(const Component& component, const sim::Gpu& gpu);
BoundComponent<models::FusedAllReduceQuery> bind_all_reduce(const Component& component,
                                                            const sim::Gpu& gpu);

}  // namespace windtunnel::calibration

// All-reduce by an inference engine's own kernel over the G GPUs of one NVLink (or PCIe) domain.
//
// Three ways, by size b (bytes a GPU holds):
//   one shot  every GPU reads all of every peer's buffer:      alpha1 + (G - 1) b / rate1
//   two shot  reduce-scatter, then all-gather, by loads:       alpha2 + 2 (G - 1) / G b / rate2
//   handed over to NCCL above `hand_over`:                     alpha3 + 2 (G - 1) / G b / rate3
//   alpha_i = start_i + hop (G - 2)   hop: one more peer's flag to wait for
// The kernel takes the faster of the first two. Rates are multiplied by growth^log2(G / 2): above 1
// where switches reduce (NVLS), well below 1 where GPUs share a PCIe root. With `eager` dispatch the
// CPU launches the call: time = max(launch, time). Sources: custom all-reduce of vLLM and
// TensorRT-LLM (one-shot and two-shot, switched by size).
// Laws (tests): time rises with b; alpha dominates as b goes to 0; the slope at large b does not
// exceed that of any way by more than the factor of the way taken.
#pragma once

#include "models/kernels/kernel_query.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::models {

struct AllReduceParameters {
  double start = 3e-6;           // s, two GPUs, one shot
  double hop = 0.2e-6;           // s, each further GPU
  double two_shot_start = 6e-6;  // s
  double nccl_start = 12e-6;     // s
  double one_shot_rate = 0.6;    // of the domain's link rate a GPU
  double two_shot_rate = 0.6;
  double nccl_rate = 0.8;
  double growth = 1.0;        // of rate1 and rate2, each doubling of GPUs
  double nccl_growth = 1.05;  // of rate3
  double hand_over = 8e6;     // bytes
  double launch = 1e-9;       // s; eager dispatch
};

class AllReduceForm {
 public:
  AllReduceForm(const sim::Gpu& gpu, const AllReduceParameters& parameters);
  double time(double gpus, double bytes) const;  // s

 private:
  AllReduceParameters p_;
  double rate_ = 1;
};

// The link rate of a domain: NVLink, else PCIe.
double domain_rate(const sim::Gpu& gpu);
AllReduceParameters default_all_reduce_parameters(const sim::Gpu& gpu, DispatchMode dispatch);

}  // namespace windtunnel::models

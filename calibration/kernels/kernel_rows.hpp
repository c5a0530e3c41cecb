// Measured kernels as the fits take them: one vector a kind, one row a measured point.
//
// A row's `source` is an index into `sources`: which file, GPU, software stack and kernel it is of;
// rows of several stacks or kernels (cuBLAS beside DeepGEMM) are never mixed in one fitted surface.
// Readers convert every unit to SI here (aiconfigurator: ms and elements; Vidur: ms; LLMServingSim,
// InferSim: us). What cannot be used is in `skipped`, with its line and reason; known-bad rows of
// public tables are dropped by a law (faster than the device can be), never by name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "calibration/measurement.hpp"
#include "models/kernels/kernel_query.hpp"

namespace windtunnel::calibration {

struct RowSource {
  std::string file;
  std::string gpu;     // name as in `list gpus`; as written where it is none of these
  std::string stack;   // "trtllm 1.3.0rc20"
  std::string kernel;  // "torch_flow", "DeepGemmFp8BlockScaledMMKernel"; may be blank
  std::string source;  // where it was published
};

template <class Query>
struct KernelRow {
  Query query;
  base::Seconds time{0};
  std::int32_t source = 0;  // into KernelRows::sources
  std::int32_t line = 0;
};

// How much longer a kernel took beside something than alone.
struct InterferenceRow {
  models::InterferenceQuery query;
  double factor = 1.0;
  std::int32_t source = 0;
  std::int32_t line = 0;
};

struct KernelRows {
  std::vector<RowSource> sources;
  std::vector<KernelRow<models::GemmQuery>> gemm;
  std::vector<KernelRow<models::AttentionQuery>> attention;
  std::vector<KernelRow<models::MoeQuery>> moe;
  std::vector<KernelRow<models::MemoryQuery>> memory;
  std::vector<KernelRow<models::LaunchQuery>> launch;
  std::vector<KernelRow<models::CopyQuery>> copy;
  std::vector<KernelRow<models::FusedAllReduceQuery>> all_reduce;
  std::vector<InterferenceRow> interference;  // not among the kinds of for_each_kind: no times
  std::vector<MeasurementFile> files;
  std::vector<SkippedRow> skipped;
  std::vector<CollectiveMeasurement> collectives;  // of native tables that hold NCCL runs
  base::Diagnostics diagnostics;

  std::size_t size() const;
  void append(KernelRows more);  // renumbers sources
};

// Calls `visit` with each kind's vector.
template <class Rows, class Visit>
void for_each_kind(Rows& rows, Visit visit) {
  visit(rows.gemm);
  visit(rows.attention);
  visit(rows.moe);
  visit(rows.memory);
  visit(rows.launch);
  visit(rows.copy);
  visit(rows.all_reduce);
}

}  // namespace windtunnel::calibration

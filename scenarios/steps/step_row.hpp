// One measured training iteration (`kind` step of contract.md section 5) as typed values; what the
// row leaves blank is empty here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "calibration/measurement.hpp"

namespace windtunnel::scenarios {

struct StepRow {
  calibration::RowOrigin origin;
  std::string id, gpu, model, precision, schedule, recompute, overlap, optimizer;
  std::string interconnect, stack, source, notes, outcome, memory_kind;
  std::optional<std::int64_t> gpus, gpus_per_node, scale_up_size;
  std::optional<std::int64_t> layers, hidden, ffn, heads, kv_heads, vocab, experts, top_k;
  std::optional<std::int64_t> sequence_length, tensor, pipeline, virtual_stages, context, expert;
  std::optional<std::int64_t> data, zero, sequence_parallel, micro_batch, global_batch;
  std::optional<double> nic_gbit_per_gpu, time_s, tokens_per_s_per_gpu, memory_gib, memory_percent;

  // The measured time: stated, or what tokens per second imply; nothing where neither is there.
  std::optional<double> measured_time() const;
};

struct StepReading {
  std::optional<StepRow> row;
  std::string reason;  // why not
};
StepReading read_step(const calibration::GenericRow& row);

}  // namespace windtunnel::scenarios

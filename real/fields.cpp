#include "real/fields.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace windtunnel::real {

std::string field(const Fields& fields, std::string_view name) {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return "";
}

void set_field(Fields& fields, std::string_view name, std::string value) {
  for (auto& [key, old] : fields) {
    if (key != name) continue;
    old = std::move(value);
    return;
  }
  fields.emplace_back(std::string(name), std::move(value));
}

void set_fields(Fields& fields, const Fields& more) {
  for (const auto& [name, value] : more) set_field(fields, name, value);
}

std::string time_text(base::Seconds time) {
  return fmt::format("{:.7g}", time.value());
}

std::string number_text(double value) {
  return fmt::format("{}", value);
}

const std::vector<std::string>& columns() {
  static const std::vector<std::string> kColumns = {
      "kind", "gpu", "stack", "op", "phase", "implementation", "layout",
      // shapes of gemm, attention and memory
      "m", "n", "k", "batch", "groups", "heads", "kv_heads", "head_dim", "value_dim", "q_len",
      "kv_len", "causal", "window", "precision", "kv_precision", "bytes", "rows", "direction",
      "peer", "background", "in_place",
      // who takes part
      "threads", "ranks", "nodes", "gpus_per_node", "algorithm", "protocol", "fabric",
      "interconnect", "launch",
      // a whole step; names as in the training tables
      "id", "gpus", "model", "layers", "hidden", "ffn", "vocab", "sequence_length",
      "precision_detail", "optimizer", "tensor", "pipeline", "data", "zero", "recompute",
      "micro_batch", "global_batch", "bucket_bytes", "overlap", "tokens_per_s_per_gpu",
      "tflops_per_gpu", "mfu", "memory_gib", "outcome",
      // what was measured
      "time_s", "samples", "calls_per_sample", "time_min_s", "time_p10_s", "time_p90_s",
      "ci_half_width_s", "outliers", "stopped_by", "estimate_s", "alone_s", "kernel",
      // under what
      "clock_mhz", "memory_clock_mhz", "power_w", "temperature_c", "throttled", "device_name",
      "driver", "cuda", "cublas", "cudnn", "nccl", "host", "date", "command", "source", "notes",
      "point"};
  return kColumns;
}

}  // namespace windtunnel::real

// Tables of measured serving: which of the public layouts a CSV header is.
//
// Rows become `GenericRow`s of kind `serve` with their own column names and a field `table` that
// names the layout, so that a reader knows which columns to expect:
//   points      served points of a closed loop (isl, osl, concurrency, ttft_ms, tpot_ms, tp_size, ...)
//   throughput  offline throughput by lengths (isl, osl, metric, value, tp, pp)
//   requests    one row a request of one run (input_toks, output_toks, arrival_s, tpot_s, ...)
//   mlperf      MLPerf Inference results (benchmark, scenario, samples_per_s, accelerator, ...)
//   phases      prompt and token times of a fixed batch (prompt_size, batch_size, prompt_time, ...)
// A CSV whose first column is `kind` keeps its own layout (table `points`).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::calibration {

std::optional<std::string_view> serve_table_of(const std::vector<std::string>& header);
// The same of a header line.
std::optional<std::string_view> serve_table_of_line(std::string_view line);

}  // namespace windtunnel::calibration

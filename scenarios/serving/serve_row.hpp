// One measured serving run (`kind` serve of contract.md section 5) as typed values, whichever public
// layout it came in (calibration/serve_tables.hpp); what the row leaves blank is empty here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "calibration/measurement.hpp"
#include "strategies/serve/request.hpp"

namespace windtunnel::scenarios {

// What was run. closed_loop: `concurrency` clients; offline: everything at once; fixed_batch:
// `batch` requests together, to the end (phases and static tables); replay: the requests of a log;
// loadgen_*: MLPerf's scenarios.
enum class ServeRun {
  closed_loop,
  offline,
  fixed_batch,
  replay,
  loadgen_offline,
  loadgen_server,
  loadgen_single_stream,
  loadgen_multi_stream,
};
std::string_view to_text(ServeRun run);

// A measured figure under the name of the fact that predicts it (tpot_mean_s, in s; rates in 1/s).
struct MeasuredFact {
  std::string fact;
  double value = 0.0;
};

// GPUs and layout of an engine, as tables name them; blank: not stated.
struct ServeLayout {
  std::optional<std::int64_t> tensor, pipeline, attention_data, moe_tensor, moe_expert;
};

struct ServeRow {
  calibration::RowOrigin origin;
  std::string id, model, gpu, framework, version, precision, kv_precision, source;
  ServeRun run = ServeRun::closed_loop;
  std::optional<std::int64_t> gpus, input, output, concurrency, batch;
  std::optional<std::int64_t> max_batch, max_tokens;
  ServeLayout layout{};
  // Disaggregated: the layout above is of the decode side.
  bool disaggregated = false;
  ServeLayout prefill{};
  std::int64_t prefill_workers = 0, decode_workers = 0;
  std::optional<double> latency_limit_s;
  std::vector<MeasuredFact> measured;
  std::vector<strategies::Request> requests;  // replay
};

struct ServeReading {
  std::vector<ServeRow> rows;
  std::vector<calibration::SkippedRow> skipped;
};
// Of the rows of kind `serve`. Rows of the layout `requests` that share all but their lengths and
// times are one run: its mean TPOT and the medians of TTFT and e2e are what is measured.
ServeReading read_serve(const std::vector<calibration::GenericRow>& rows);

}  // namespace windtunnel::scenarios

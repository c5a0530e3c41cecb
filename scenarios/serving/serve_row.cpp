#include "scenarios/serving/serve_row.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "calibration/csv.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::scenarios {
namespace {

using calibration::GenericRow;

// Typed access to the columns of one row; the first column that cannot be read
// says why.
class Columns {
 public:
  explicit Columns(const GenericRow& row) : row_(row) {}

  std::string text(const char* column) const { return row_.field(column); }
  std::optional<double> amount(const char* column) {
    const std::string field = row_.field(column);
    if (field.empty()) return std::nullopt;
    const auto value = calibration::number(field);
    if (!value || *value < 0) {
      if (problem_.empty())
        problem_ = fmt::format("{} is '{}', which is no usable number", column, field);
      return std::nullopt;
    }
    return value;
  }
  std::optional<std::int64_t> count(const char* column) {
    const auto value = amount(column);
    if (!value || *value > 1e15) return std::nullopt;
    return static_cast<std::int64_t>(std::llround(*value));
  }
  const std::string& problem() const { return problem_; }

 private:
  const GenericRow& row_;
  std::string problem_;
};

void measure(ServeRow& row, const char* fact, std::optional<double> value, double unit = 1.0) {
  if (value && *value > 0) row.measured.push_back({fact, *value * unit});
}

ServeLayout layout_of(Columns& columns, const std::string& prefix) {
  const auto count = [&](const char* name) { return columns.count((prefix + name).c_str()); };
  return {.tensor = count("tp_size"),
          .pipeline = count("pp_size"),
          .attention_data = count("attention_dp_size"),
          .moe_tensor = count("moe_tp_size"),
          .moe_expert = count("moe_ep_size")};
}

std::string read_point(Columns& c, ServeRow& row) {
  row.framework = c.text("framework");
  row.version = c.text("framework_version");
  // A container of Dynamo has Dynamo's version, not that of the engine in it.
  if (c.text("container").find("ai-dynamo/") != std::string::npos) row.version.clear();
  row.gpu = c.text("gpu").empty() ? c.text("gpu_system") : c.text("gpu");
  row.precision =
      c.text("gemm_quant_mode").empty() ? c.text("precision") : c.text("gemm_quant_mode");
  // Experts of blocks' scales are of a checkpoint whose other products have them too.
  if (row.precision == "fp8" && c.text("moe_quant_mode") == "fp8_block")
    row.precision = "fp8_block";
  row.input = c.count("isl");
  row.output = c.count("osl");
  row.concurrency = c.count("concurrency");
  row.layout = layout_of(c, "");
  row.disaggregated = c.text("serving_mode") == "disagg";
  if (row.disaggregated) {
    row.prefill = layout_of(c, "prefill_");
    row.layout = layout_of(c, "decode_");
    row.prefill_workers = c.count("prefill_num_workers").value_or(0);
    row.decode_workers = c.count("decode_num_workers").value_or(0);
    if (row.prefill_workers < 1 || row.decode_workers < 1)
      return "disaggregated, but the workers of a side are not stated";
  }
  measure(row, "tpot_mean_s", c.amount("tpot_ms"), 1e-3);
  measure(row, "ttft_mean_s", c.amount("ttft_ms"), 1e-3);
  if (!row.concurrency || *row.concurrency < 1) return "concurrency is blank or 0";
  return "";
}

std::string read_throughput(Columns& c, ServeRow& row) {
  row.framework = c.text("framework");
  row.version = c.text("framework_version");
  row.gpu = c.text("gpu");
  row.precision = c.text("precision");
  row.gpus = c.count("num_gpus");
  row.layout.tensor = c.count("tp");
  row.layout.pipeline = c.count("pp");
  const std::string shared = c.text("ep_dp");  // "attnDP4+EP4"
  if (!shared.empty()) {
    row.layout.attention_data = row.gpus;
    row.layout.tensor = 1;
    row.layout.moe_expert = row.gpus;
    row.layout.moe_tensor = 1;
  }
  row.input = c.count("isl");
  row.output = c.count("osl");
  row.batch = c.count("batch_size");
  row.run = row.batch ? ServeRun::fixed_batch : ServeRun::offline;
  if (c.text("metric") == "ttft_ms") {
    measure(row, "ttft_mean_s", c.amount("ttft_ms"), 1e-3);
    row.run = ServeRun::fixed_batch;
    row.batch = row.batch.value_or(1);
    row.output = row.output.value_or(1);
  } else {
    measure(row, "output_tokens_per_s", c.amount("out_tok_s_total"));
  }
  return "";
}

std::string read_phases(Columns& c, ServeRow& row) {
  row.framework = "vllm";
  row.version = "0.2";
  row.gpu = c.text("hardware");
  row.precision = "bf16";
  row.layout.tensor = c.count("tensor_parallel");
  row.run = ServeRun::fixed_batch;
  row.input = c.count("prompt_size");
  row.output = c.count("token_size");
  row.batch = c.count("batch_size");
  measure(row, "ttft_mean_s", c.amount("prompt_time"), 1e-3);
  measure(row, "tpot_mean_s", c.amount("token_time"), 1e-3);
  return row.batch && *row.batch > 0 ? "" : "batch_size is blank or 0";
}

std::optional<ServeRun> loadgen_run(std::string scenario) {
  std::transform(scenario.begin(), scenario.end(), scenario.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  if (scenario == "offline") return ServeRun::loadgen_offline;
  if (scenario == "server") return ServeRun::loadgen_server;
  if (scenario == "singlestream") return ServeRun::loadgen_single_stream;
  if (scenario == "multistream") return ServeRun::loadgen_multi_stream;
  return std::nullopt;
}

std::string read_mlperf(Columns& c, ServeRow& row) {
  if (c.text("result_valid") == "INVALID") return "MLPerf calls the result invalid";
  const auto run = loadgen_run(c.text("scenario"));
  if (!run) return fmt::format("MLPerf has no scenario '{}'", c.text("scenario"));
  row.run = *run;
  row.id = fmt::format("{} {}", c.text("submitter"), c.text("system"));
  row.framework = c.text("framework");
  row.gpu = c.text("accelerator");
  row.gpus = c.count("accel_per_node").value_or(1) *
             std::max<std::int64_t>(1, c.count("nodes").value_or(1));
  if (*run == ServeRun::loadgen_server) {
    const auto scheduled = c.amount("scheduled_samples_per_s");
    measure(row, "max_rate_per_s", scheduled ? scheduled : c.amount("samples_per_s"));
  } else if (*run == ServeRun::loadgen_offline) {
    measure(row, "request_throughput_per_s", c.amount("samples_per_s"));
  } else {
    const bool single = *run == ServeRun::loadgen_single_stream;
    measure(row, single ? "e2e_p90_s" : "e2e_p99_s",
            c.amount(single ? "latency_p90_ms" : "latency_p99_ms"), 1e-3);
  }
  return "";
}

// The requests of one log. TTFT and e2e count from the arrival at the engine.
class Replays {
 public:
  std::string add(const GenericRow& generic, Columns& c) {
    std::string key;
    for (const char* column : {"hardware", "model", "vllm", "tp", "dp", "ep", "max_num_seqs",
                               "max_num_batched_tokens", "dtype"})
      key += c.text(column) + "|";
    const auto input = c.count("input_toks");
    const auto output = c.count("output_toks");
    const auto arrival = c.amount("arrival_s");
    if (!input || !output || !arrival || *input < 1 || *output < 1)
      return "input_toks, output_toks or arrival_s is blank";
    auto [at, is_new] = runs_.try_emplace(key);
    Run& run = at->second;
    if (is_new) start(generic, c, run.row);
    strategies::Request request;
    request.id = static_cast<std::int64_t>(run.row.requests.size());
    request.arrival = base::Seconds(*arrival);
    request.input_tokens = *input;
    request.output_tokens = *output;
    run.row.requests.push_back(request);
    take(run.ttft, c.amount("ttft_from_queued_s"));
    take(run.e2e, c.amount("e2e_from_queued_s"));
    if (*output > 1) take(run.tpot, c.amount("tpot_s"));
    return "";
  }
  void finish(ServeReading& out) {
    for (auto& [key, run] : runs_) {
      std::stable_sort(run.row.requests.begin(), run.row.requests.end(),
                       [](const auto& a, const auto& b) { return a.arrival < b.arrival; });
      measure(run.row, "tpot_mean_s", base::mean(run.tpot));
      measure(run.row, "ttft_p50_s", base::quantile(run.ttft, 0.5));
      measure(run.row, "e2e_p50_s", base::quantile(run.e2e, 0.5));
      out.rows.push_back(std::move(run.row));
    }
  }

 private:
  struct Run {
    ServeRow row;
    std::vector<double> ttft, e2e, tpot;
  };
  static void take(std::vector<double>& to, std::optional<double> value) {
    if (value) to.push_back(*value);
  }
  static void start(const GenericRow& generic, Columns& c, ServeRow& row) {
    row.origin = generic.origin;
    row.run = ServeRun::replay;
    row.model = c.text("model");
    row.gpu = c.text("hardware");
    row.framework = "vllm";
    row.version = c.text("vllm");
    row.precision = c.text("dtype");
    row.layout.tensor = c.count("tp");
    row.layout.attention_data = c.count("dp");
    if (c.text("ep") == "True")
      row.layout.moe_expert = c.count("tp").value_or(1) * c.count("dp").value_or(1);
    row.max_batch = c.count("max_num_seqs");
    row.max_tokens = c.count("max_num_batched_tokens");
    row.source = c.text("source");
    row.id = fmt::format("{} {} tp{} dp{}", row.gpu, row.model, c.text("tp"), c.text("dp"));
  }

  std::map<std::string, Run> runs_;
};

std::string read_row(const std::string& table, Columns& columns, ServeRow& row) {
  if (table == "throughput") return read_throughput(columns, row);
  if (table == "phases") return read_phases(columns, row);
  if (table == "mlperf") return read_mlperf(columns, row);
  return read_point(columns, row);
}

}  // namespace

std::string_view to_text(ServeRun run) {
  switch (run) {
    case ServeRun::closed_loop:
      return "closed loop";
    case ServeRun::offline:
      return "offline";
    case ServeRun::fixed_batch:
      return "fixed batch";
    case ServeRun::replay:
      return "replay";
    case ServeRun::loadgen_offline:
      return "MLPerf Offline";
    case ServeRun::loadgen_server:
      return "MLPerf Server";
    case ServeRun::loadgen_single_stream:
      return "MLPerf SingleStream";
    case ServeRun::loadgen_multi_stream:
      return "MLPerf MultiStream";
  }
  return "";
}

ServeReading read_serve(const std::vector<GenericRow>& rows) {
  ServeReading out;
  Replays replays;
  for (const GenericRow& generic : rows) {
    if (generic.kind != "serve") continue;
    Columns columns(generic);
    const std::string table = generic.field("table");
    std::string reason;
    ServeRow row;
    row.origin = generic.origin;
    if (table == "requests") {
      reason = replays.add(generic, columns);
    } else {
      row.id = generic.field("id");
      row.model = generic.field("model");
      row.source = generic.field("source");
      reason = read_row(table, columns, row);
    }
    if (!columns.problem().empty()) reason = columns.problem();
    if (!reason.empty()) {
      out.skipped.push_back({generic.origin, reason});
    } else if (table != "requests" && row.measured.empty()) {
      out.skipped.push_back({generic.origin, "no measured figure that is predicted here"});
    } else if (table != "requests") {
      out.rows.push_back(std::move(row));
    }
  }
  replays.finish(out);
  return out;
}

}  // namespace windtunnel::scenarios

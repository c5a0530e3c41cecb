#include <algorithm>

#include "strategies/serve/loadgen.hpp"

namespace windtunnel::strategies {
namespace {

bool is_loadgen(ArrivalProcess process) {
  switch (process) {
    case ArrivalProcess::single_stream:
    case ArrivalProcess::multi_stream:
    case ArrivalProcess::server:
    case ArrivalProcess::offline:
      return true;
    default:
      return false;
  }
}

double samples_per_s(std::span<const RequestRecord> records, std::int64_t samples_a_query) {
  base::Seconds first = kNever, last{0};
  double samples = 0;
  for (const RequestRecord& record : records) {
    if (record.fate != Fate::completed) continue;
    first = base::min(first, record.arrival);
    last = base::max(last, record.finish);
    samples += static_cast<double>(samples_a_query);
  }
  return last > first ? samples / (last - first).value() : 0.0;
}

}  // namespace

void add_loadgen_facts(const ServeJob& job, std::string_view model,
                       std::span<const RequestRecord> records, base::Outcome& out) {
  const Arrivals& arrivals = job.workload.arrivals;
  if (!is_loadgen(arrivals.process) || job.workload.trace) return;
  const bool multi = arrivals.process == ArrivalProcess::multi_stream;
  const double rate =
      samples_per_s(records, multi ? std::max<std::int64_t>(arrivals.query_samples, 1) : 1);
  if (rate > 0) out.facts["samples_per_s"] = rate;
  ServeWorkload held = job.workload;
  const std::optional<ServerLimit> limit = server_limit(model);
  if (!held.slo.any() && limit) held.slo = limit->slo;
  const LoadgenResult result = loadgen_result(held, records);
  if (result.completed == 0) return;
  if (result.metric < kNever.value()) out.facts["loadgen_result"] = result.metric;
  out.labels["loadgen_metric"] = std::string(result.name) + ", " + std::string(result.unit);
  if (arrivals.process == ArrivalProcess::server && held.slo.any()) {
    out.facts["loadgen_valid"] = result.valid ? 1.0 : 0.0;
  }
}

const std::map<std::string, base::FactInfo>& loadgen_fact_info() {
  static const std::map<std::string, base::FactInfo> infos = {
      {"samples_per_s",
       {"samples", "1/s", "samples of completed queries, first arrival to last answer"}},
      {"loadgen_result",
       {"MLPerf result", "", "in the metric of the scenario, which loadgen_metric names"}},
      {"loadgen_valid",
       {"valid MLPerf run", "", "1: 99 % of the queries are within the Server scenario's limit"}},
      {"loadgen_metric", {"MLPerf metric", "", "what loadgen_result is, and its unit"}},
  };
  return infos;
}

}  // namespace windtunnel::strategies

#include "strategies/serve/loadgen.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"
#include "strategies/serve/batcher/serve_alone.hpp"
#include "strategies/serve/traffic.hpp"

namespace windtunnel::strategies {
namespace {

Slo within(double seconds) {
  return {.e2e = base::Seconds(seconds)};
}
Slo token_limits(double ttft, double tpot) {
  return {.ttft = base::Seconds(ttft), .tpot = base::Seconds(tpot)};
}

std::vector<base::Seconds> latencies(std::span<const RequestRecord> records) {
  std::vector<base::Seconds> out;
  out.reserve(records.size());
  for (const RequestRecord& record : records) {
    const bool done = record.fate == Fate::completed;
    out.push_back(done ? record.finish - record.arrival : kNever);
  }
  return out;
}

bool all_within(const Slo& slo, std::span<const RequestRecord> records) {
  std::vector<base::Seconds> ttft, tpot;
  for (const RequestRecord& record : records) {
    const bool done = record.fate == Fate::completed;
    ttft.push_back(done ? record.first_token - record.arrival : kNever);
    if (done && record.output_tokens < 2) continue;
    const auto gaps = static_cast<double>(record.output_tokens - 1);
    tpot.push_back(done ? (record.finish - record.first_token) / gaps : kNever);
  }
  return percentile(latencies(records), kServerShare) <= slo.e2e &&
         percentile(std::move(ttft), kServerShare) <= slo.ttft &&
         (tpot.empty() || percentile(std::move(tpot), kServerShare) <= slo.tpot);
}

double samples_per_second(const ServeWorkload& workload, std::span<const RequestRecord> records) {
  base::Seconds last{0};
  double samples = 0;
  for (const RequestRecord& record : records) {
    if (record.fate != Fate::completed) continue;
    last = base::max(last, record.finish);
    samples += 1;
  }
  if (workload.arrivals.process == ArrivalProcess::multi_stream) {
    samples *= static_cast<double>(std::max<std::int64_t>(workload.arrivals.query_samples, 1));
  }
  return last > base::Seconds(0) ? samples / last.value() : 0.0;
}

struct Run {
  std::vector<RequestRecord> records;
  BatchServerTotals totals;
};

Run run_at(const ServerSearch& search, const Arrivals& arrivals,
           const std::function<std::unique_ptr<BatchWork>()>& work) {
  ServeWorkload workload = search.workload;
  workload.arrivals = arrivals;
  const Traffic traffic = make_traffic(workload, search.seed);
  BatchServer server(search.batching, work(), traffic.requests);
  Run run{serve_alone(traffic, server), {}};
  run.totals = server.totals();
  return run;
}

Run server_run(const ServerSearch& search, double rate,
               const std::function<std::unique_ptr<BatchWork>()>& work) {
  const double wanted = 100 * search.limit.value() * rate;
  const auto most = static_cast<double>(search.most_requests);
  const auto requests = static_cast<std::int64_t>(
      std::clamp(wanted, std::min(static_cast<double>(kServerQueries), most), most));
  return run_at(search, {.process = ArrivalProcess::server, .rate = rate, .requests = requests},
                work);
}

}  // namespace

const std::vector<ServerLimit>& server_limits() {
  static const std::vector<ServerLimit> limits = {
      {"resnet50", "resnet50", within(0.015)},
      {"retinanet", "retinanet", within(0.100)},
      {"bert", "bert-large", within(0.130)},
      {"dlrm-v2", "dlrm-v2", within(0.060)},
      {"rnnt", "rnnt", within(1.0)},
      {"gptj", "gptj-6b", within(20)},
      {"stable-diffusion-xl", "stable-diffusion-xl", within(20)},
      {"llama2-70b", "llama2-70b", token_limits(2.0, 0.2)},
      {"mixtral-8x7b", "mixtral-8x7b", token_limits(2.0, 0.2)},
      {"llama2-70b-interactive", "llama2-70b", token_limits(0.45, 0.04)},
      {"llama3.1-405b", "llama3.1-405b", token_limits(6.0, 0.175)},
  };
  return limits;
}

std::optional<ServerLimit> server_limit(std::string_view name) {
  for (const ServerLimit& limit : server_limits()) {
    if (limit.benchmark == name || limit.model == name) return limit;
  }
  return {};
}

base::Seconds percentile(std::vector<base::Seconds> values, double share) {
  if (values.empty()) return kNever;
  // Less a rounding error of share x n, so that 0.99 of 100 is the 99th.
  const double rank = std::ceil(share * static_cast<double>(values.size()) * (1 - 1e-12));
  const auto index =
      static_cast<std::ptrdiff_t>(std::clamp(rank, 1.0, static_cast<double>(values.size()))) - 1;
  std::nth_element(values.begin(), values.begin() + index, values.end());
  return values[static_cast<std::size_t>(index)];
}

LoadgenResult loadgen_result(const ServeWorkload& workload,
                             std::span<const RequestRecord> records) {
  LoadgenResult out;
  for (const RequestRecord& record : records) out.completed += record.fate == Fate::completed;
  out.p99 = percentile(latencies(records), 0.99);
  switch (workload.arrivals.process) {
    case ArrivalProcess::single_stream:
      out.name = "latency p90";
      out.unit = "s";
      out.metric = percentile(latencies(records), 0.9).value();
      return out;
    case ArrivalProcess::multi_stream:
      out.name = "latency p99";
      out.unit = "s";
      out.metric = out.p99.value();
      return out;
    case ArrivalProcess::server:
      out.name = "scheduled rate";
      out.unit = "queries/s";
      out.metric = workload.arrivals.rate;
      out.valid = out.completed > 0 && all_within(workload.slo, records);
      return out;
    default:
      out.name = "throughput";
      out.unit = "samples/s";
      out.metric = samples_per_second(workload, records);
      return out;
  }
}

ServerRate highest_server_rate(const ServerSearch& search,
                               const std::function<std::unique_ptr<BatchWork>()>& work) {
  base::expects(search.limit > base::Seconds(0), "a Server run needs a latency limit");
  ServerRate best;
  ServeWorkload offline = search.workload;
  const std::int64_t samples = std::min(kOfflineSamples, search.most_requests);
  offline.arrivals = {.process = ArrivalProcess::offline, .requests = samples};
  const Run all = run_at(search, offline.arrivals, work);
  best.offline = samples_per_second(offline, all.records);
  if (best.offline <= 0) return best;
  const auto meets = [&](double rate) {
    const Run run = server_run(search, rate, work);
    const base::Seconds p99 = percentile(latencies(run.records), search.share);
    if (p99 > search.limit) return false;
    best.rate = rate;
    best.p99 = p99;
    best.batch_mean = static_cast<double>(run.totals.samples) /
                      static_cast<double>(std::max<std::int64_t>(run.totals.batches, 1));
    return true;
  };
  double low = best.offline / 1024, high = best.offline * 1.02;
  if (!meets(low)) return best;
  // From above by halves: most systems carry more than half of their offline throughput.
  double probe = best.offline / 2;
  while (probe > low && !meets(probe)) {
    high = probe;
    probe /= 2;
  }
  low = best.rate;
  while (high / low > 1 + search.precision) {
    const double middle = std::sqrt(low * high);
    (meets(middle) ? low : high) = middle;
  }
  return best;
}

}  // namespace windtunnel::strategies

// MLPerf Inference's loadgen: what each of its scenarios measures, and when a Server run is valid.
//
//   SingleStream  one query of one sample, the next as it is answered     p90 of latency
//   MultiStream   the same with 8 samples a query                        p99 of latency
//   Server        Poisson arrivals at a given rate     the rate, valid where p99 is within the limit
//   Offline       all samples in one query                               samples/s
// A percentile is the smallest latency that at least that share of the queries does not exceed.
// Source: MLPerf Inference rules v4.1 and its mlperf.conf (limits below); v5.0 for Llama 3.1 405B and
// the interactive Llama 2 70B.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/fact.hpp"
#include "strategies/serve/batcher/batch_server.hpp"
#include "strategies/serve/job.hpp"
#include "strategies/serve/request.hpp"

namespace windtunnel::strategies {

inline constexpr std::int64_t kMultiStreamSamples = 8;
inline constexpr std::int64_t kOfflineSamples = 24'576;  // of a valid run, at least
inline constexpr std::int64_t kServerQueries = 270'336;  // of a valid run for p99, at least
inline constexpr double kServerShare = 0.99;             // of queries within the limit

struct ServerLimit {
  std::string_view benchmark;  // name in the rules
  std::string_view model;      // of the library
  Slo slo{};                   // e2e; or TTFT and TPOT
};
const std::vector<ServerLimit>& server_limits();
// By the benchmark's or the model's name.
std::optional<ServerLimit> server_limit(std::string_view name);

struct LoadgenResult {
  double metric = 0;           // s, queries/s or samples/s
  std::string_view unit;       // "s", "queries/s", "samples/s"
  std::string_view name;       // "latency p90", ...
  bool valid = true;           // Server: within the limit
  base::Seconds p99 = kNever;  // of e2e; kNever: no query completed
  std::int64_t completed = 0;
};
// Of a run whose arrivals are one of the four (process single_stream, multi_stream, server, offline).
// Rejected queries, and those in flight, count as over every limit.
LoadgenResult loadgen_result(const ServeWorkload& workload, std::span<const RequestRecord> records);

// Of a run whose arrivals are one of the four: the facts samples_per_s, loadgen_result and, for Server,
// loadgen_valid; the label loadgen_metric. A Server run without a stated limit is held to that of the
// rules for `model`, where they have one. Of other runs: nothing.
void add_loadgen_facts(const ServeJob& job, std::string_view model,
                       std::span<const RequestRecord> records, base::Outcome& out);
const std::map<std::string, base::FactInfo>& loadgen_fact_info();

// Nearest-rank percentile; kNever where share of all is more than there are. Sorts a copy.
base::Seconds percentile(std::vector<base::Seconds> values, double share);

struct ServerSearch {
  ServeWorkload workload{};  // lengths; arrivals are set by the search
  Batching batching{};
  base::Seconds limit{0};                  // of e2e
  double share = kServerShare;             // of queries within the limit
  double precision = 0.01;                 // relative, of the rate
  std::int64_t most_requests = 1'000'000;  // of one run
  std::uint64_t seed = 1;
};
struct ServerRate {
  double rate = 0;  // queries/s of one replica; 0: not even one query alone is within the limit
  base::Seconds p99 = kNever;
  double offline = 0;     // samples/s with all there at once
  double batch_mean = 0;  // at the rate
};
// The highest rate of Poisson arrivals that one replica serves within the limit, by bisection below
// its offline throughput. Runs have loadgen's least
// number of queries and last at least 100 limits, so that a queue that grows is seen; the same
// seed at each rate. `work` makes the work of a fresh replica. Replicas behind a random router have
// Poisson arrivals each, so a system of n carries n times this.
ServerRate highest_server_rate(const ServerSearch& search,
                               const std::function<std::unique_ptr<BatchWork>()>& work);

}  // namespace windtunnel::strategies

// MLPerf Inference's models without iterations: how submitters with TensorRT run them, and what such
// a system then does.
//
// What a row leaves out is the benchmark's or the harness's: the limit of Server (mlperf.conf), the
// lengths of the data set's samples, precision by accuracy target (99 %: INT8; 99.9 %: FP8 for BERT,
// 16 bits for DLRM; SDXL and others as stated), and the largest batch that is tried. Submitters tune
// the batch: it is the fastest one and, in Server, one that takes a third of the limit at most, since
// a query waits for the batch before its own and for its own to fill.
// A system of n GPUs does n times what one does: samples are dealt out, and Poisson arrivals dealt out
// at random are Poisson again.
// Server: the highest rate within the limit (loadgen's p99), times kSubmitted. A rate that is set has to
// pass for ten minutes, whatever clocks, host and network do in them, and is a round number: the median of
// public Server results of v4.1 is 0.92 of the same system's Offline.
// MaxQ systems: boards at half of their limit (NVIDIA's power_limit of GPT-J: 350 of 700 W, 200 of 350).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/kernels/number_format.hpp"
#include "scenarios/serving/serve_row.hpp"
#include "sim/base/fact.hpp"
#include "strategies/serve/capacity.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::scenarios {

inline constexpr double kSubmitted = 0.92;
inline constexpr double kMaxQPower = 0.5;

struct LoadgenBatches {
  std::string_view model;  // what the name of the benchmark begins with
  strategies::Slo limits{};
  models::NumberFormat precision = models::NumberFormat::int8;
  std::int64_t offline_batch = 256, server_batch = 256;  // samples, at most
  strategies::Lengths input = strategies::ConstantLength{1};
  std::string_view source;
};
// Null for a model that is not one of its benchmarks, or an LLM.
const LoadgenBatches* loadgen_batches(std::string_view name);

// Fills in the job's workload and batching; the strategy's replicas are the row's GPUs.
void plan_loadgen(const ServeRow& row, const LoadgenBatches& known, strategies::ServeJob& job,
                  std::vector<std::string>& inferred);

// Of a job that plan_loadgen has filled in. `run`: one replica.
base::Outcome loadgen_outcome(const ServeRow& row, const strategies::ServeJob& job,
                              const strategies::RunOfJob& run);

}  // namespace windtunnel::scenarios

#include "scenarios/serving/loadgen_batches.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace windtunnel::scenarios {
namespace {

using base::Seconds;
using models::NumberFormat;
using strategies::ServeJob;

constexpr double kBatchOfLimit = 1.0 / 3.0;
constexpr std::int64_t kOfflineRequests = 8'192;
// Submitted rates about 0.92 of what a system could carry; 90 % of public ones.
constexpr double kSubmittedLow = 0.78, kSubmittedHigh = 1.12;

std::vector<LoadgenBatches> make_table() {
  // SQuAD v1.1 dev as MLPerf tokenises it: 10,833 sequences of at most 384 tokens, mean about 177.
  const strategies::Lengths squad = strategies::LognormalLength{165, 0.36};
  // A sample of DLRM is a user with 100 to 700 items, 270 on average.
  const strategies::Lengths items = strategies::LognormalLength{244, 0.45};
  const strategies::Slo dlrm{.e2e = Seconds(0.06)}, bert{.e2e = Seconds(0.13)};
  return {
      {.model = "resnet50",
       .limits = {.e2e = Seconds(0.015)},
       .offline_batch = 2048,
       .server_batch = 256,
       .source = "NVIDIA configs: INT8, batches up to 2048 Offline, 64 to 256 Server"},
      {.model = "retinanet",
       .limits = {.e2e = Seconds(0.1)},
       .offline_batch = 64,
       .server_batch = 16,
       .source = "NVIDIA configs: INT8, batches of 48 to 56 Offline, 8 to 16 Server"},
      {.model = "bert-99.9",
       .limits = bert,
       .precision = NumberFormat::fp8,
       .offline_batch = 1024,
       .server_batch = 128,
       .input = squad,
       .source = "NVIDIA configs: FP8, batches of 1280 Offline, 128 Server"},
      {.model = "bert",
       .limits = bert,
       .offline_batch = 1024,
       .server_batch = 128,
       .input = squad,
       .source = "NVIDIA configs: INT8, batches of 1280 Offline, 128 Server"},
      {.model = "dlrm-v2-99.9",
       .limits = dlrm,
       .precision = NumberFormat::fp16,
       .offline_batch = 1024,
       .server_batch = 512,
       .input = items,
       .source = "NVIDIA configs: 16 bits, batches of 51,200 to 600,000 items"},
      {.model = "dlrm-v2",
       .limits = dlrm,
       .offline_batch = 1024,
       .server_batch = 512,
       .input = items,
       .source = "NVIDIA configs: INT8, batches of 51,200 to 600,000 items"},
      {.model = "3d-unet",
       .offline_batch = 8,
       .server_batch = 8,
       .source = "NVIDIA configs: INT8, cubes in batches of 8"},
      {.model = "stable-diffusion-xl",
       .limits = {.e2e = Seconds(20)},
       .precision = NumberFormat::fp8,
       .offline_batch = 8,
       .server_batch = 8,
       .source = "NVIDIA configs: FP8, batches of 8"},
  };
}

double fact(const base::Outcome& out, const char* name) {
  const auto found = out.facts.find(name);
  return found == out.facts.end() ? 0.0 : found->second;
}

// The largest of `most`, `most` / 2, ... that one batch of takes no longer than the limit leaves.
std::int64_t within_limit(ServeJob job, std::int64_t most, const strategies::RunOfJob& run) {
  const double limit = job.workload.slo.e2e.value();
  job.workload.mode = strategies::ServeMode::offline;
  for (; most > 1; most /= 2) {
    job.strategy.batching.max_batch = most;
    const base::Outcome out = run(job, {.request_rows = false, .load_rows = 0, .bands = false});
    const double rate = fact(out, "request_throughput_per_s");
    if (rate > 0 && static_cast<double>(most) / rate <= kBatchOfLimit * limit) break;
  }
  return most;
}

void scale(base::Outcome& out, const char* name, const base::Band& by, double times) {
  const auto found = out.facts.find(name);
  if (found == out.facts.end()) return;
  found->second *= times;
  const auto band = out.bands.find(name);
  if (band == out.bands.end()) return;
  band->second.low *= by.low;
  band->second.high *= by.high;
}

}  // namespace

const LoadgenBatches* loadgen_batches(std::string_view name) {
  static const std::vector<LoadgenBatches> kTable = make_table();
  for (const LoadgenBatches& one : kTable) {
    if (name.starts_with(one.model)) return &one;
  }
  return nullptr;
}

void plan_loadgen(const ServeRow& row, const LoadgenBatches& known, ServeJob& job,
                  std::vector<std::string>& inferred) {
  const auto say = [&](std::string_view what, std::string_view value) {
    inferred.push_back(fmt::format("{}: {}", what, value));
  };
  auto& w = job.workload;
  auto& b = job.strategy.batching;
  const std::int64_t gpus = std::max<std::int64_t>(1, row.gpus.value_or(1));
  w.slo = known.limits;
  w.input = known.input;
  w.output = strategies::ConstantLength{1};
  job.strategy.precision = known.precision;
  job.strategy.replicas = gpus;
  b.policy = strategies::BatchingPolicy::dynamic;
  const bool server = row.run == ServeRun::loadgen_server;
  b.max_batch = server ? known.server_batch : known.offline_batch;
  if (server) b.max_delay = known.limits.e2e * 0.25;
  using Process = strategies::ArrivalProcess;
  if (row.run == ServeRun::loadgen_offline) {
    w.mode = strategies::ServeMode::offline;
    w.arrivals = {.process = Process::offline, .requests = kOfflineRequests};
  } else if (server) {
    w.arrivals = {.process = Process::server, .rate = 1, .requests = 4'096};
  } else if (row.run == ServeRun::loadgen_single_stream) {
    w.arrivals = {.process = Process::single_stream, .requests = 1'024};
  } else {
    w.arrivals = {.process = Process::multi_stream, .requests = 662, .query_samples = 8};
  }
  say("precision", models::to_text(known.precision));
  say("largest batch", fmt::format("{} ({})", b.max_batch, known.source));
}

base::Outcome loadgen_outcome(const ServeRow& row, const ServeJob& job,
                              const strategies::RunOfJob& run) {
  ServeJob one = job;
  const auto copies = static_cast<double>(std::max<std::int64_t>(1, job.strategy.replicas));
  one.strategy.replicas = 1;
  std::int64_t most = job.strategy.batching.max_batch;
  if (row.run == ServeRun::loadgen_server) {
    most = within_limit(one, most, run);
    one.strategy.batching.max_batch = strategies::fastest_batch(one, most, run);
    base::Outcome out = strategies::highest_rate(one, run, {});
    scale(out, "max_rate_per_s", {copies * kSubmittedLow, copies * kSubmittedHigh},
          copies * kSubmitted);
    return out;
  }
  if (row.run == ServeRun::loadgen_offline) {
    one.strategy.batching.max_batch = strategies::fastest_batch(one, most, run);
    base::Outcome out = run(one, {.request_rows = false, .load_rows = 0});
    scale(out, "request_throughput_per_s", {copies, copies}, copies);
    return out;
  }
  return run(one, {.request_rows = false, .load_rows = 0});
}

}  // namespace windtunnel::scenarios

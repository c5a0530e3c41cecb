// `workload.kind: mix`: several jobs on one cluster, each slowed by what it shares.
//
// Model: training jobs repeat their iteration, serving jobs answer their requests, all on one engine
// that shares every link of the cluster's network (sim/engine/fluid_engine.hpp, or SimGrid with
// max-min shares). What goes between nodes is flows: a training job's collectives and messages, each
// limited to the rate at which it takes alone what the cost model says; a disaggregated serving
// job's KV caches. GPUs belong to one job each. Inside a node, and in a step of a serving engine
// that spans nodes, communication keeps the time it takes alone.
// A training job goes on until all serving jobs are done and every job has its `iterations`. It is
// measured over the iterations that lie wholly within the time in which all jobs run; where there is
// none, over those that reach into it. A serving job is measured over all its requests. Then each
// job runs alone on the same links, for as many iterations or requests:
//   slowdown = mean iteration time (training), mean e2e latency (serving), with the others / alone
// Law: a job that shares no link with another has slowdown 1, to the last bit on analytic.
// Facts: those of each job as NAME.fact, NAME.slowdown, NAME.alone_...; jobs, gpus, makespan_s,
// shared_links, worst_slowdown, shared_link_peak. Tables: those of each job as NAME.table; jobs
// (alone and with the others), shared_links, iterations, timeline.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/base/fact.hpp"
#include "strategies/collective/run_collective.hpp"
#include "strategies/mix/part.hpp"
#include "strategies/serve/run_serve.hpp"
#include "strategies/train/run_train.hpp"

namespace windtunnel::strategies {

struct TrainMember {
  const TrainJob& job;
  TrainSubject subject;
  TrainSite site;               // of the job's part of the cluster
  std::int64_t iterations = 0;  // at least; 0: as long as there is serving, else kIterations
};
struct ServeMember {
  const ServeJob& job;
  ServeSubject subject;
  ServeSite site;
};
struct MixMember {
  std::string name;
  base::Seconds start{0};
  std::vector<int> gpus;  // of the whole cluster, in the order of the job's part
  std::variant<TrainMember, ServeMember> work;
};

struct MixSite {
  const sim::Network& network;  // of the whole cluster
  EngineFactory make_engine;    // shares every link; on SimGrid called once
};

struct MixOptions {
  std::uint64_t seed = 1;
  std::int64_t timeline_rows = 5'000;  // 0: no timeline
  std::int64_t link_rows = 64;
  bool request_rows = true;
  std::int64_t load_rows = 2'000;
};

// Of training jobs where nobody serves and none are stated.
inline constexpr std::int64_t kIterations = 4;

base::Outcome run_mix(std::span<const MixMember> jobs, const MixSite& site,
                      const MixOptions& options);

// Facts of the mix itself, and of each job beside those of its kind.
const std::map<std::string, base::FactInfo>& mix_fact_info();
const std::map<std::string, base::FactInfo>& mixed_job_fact_info();

}  // namespace windtunnel::strategies

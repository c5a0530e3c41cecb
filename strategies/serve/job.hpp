// `workload.kind: serve` and its `strategy` (contract.md section 3) as plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "models/kernels/number_format.hpp"
#include "sim/base/quantity.hpp"
#include "strategies/serve/lengths.hpp"
#include "strategies/serve/request.hpp"

namespace windtunnel::strategies {

// --- traffic -------------------------------------------------------------------------------------

enum class ArrivalProcess {
  poisson,
  gamma,     // inter-arrival times of coefficient of variation `variation`
  constant,  // every 1/rate
  burst,     // `burst_requests` at once every burst_requests / rate
  diurnal,   // Poisson whose rate swings by `swing` over `period`
  all_at_once,
  closed_loop,    // `concurrency` clients, each sends its next as the last is answered
  single_stream,  // MLPerf loadgen: one client, next query as the last is answered
  multi_stream,   // the same, `query_samples` samples a query
  server,         // Poisson at `rate`, as poisson
  offline,        // one query with all samples
};
struct Arrivals {
  ArrivalProcess process = ArrivalProcess::poisson;
  double rate = 0;  // requests/s; sessions/s for multi-turn
  std::int64_t requests = 1000;
  double variation = 1;
  std::int64_t burst_requests = 1;
  double swing = 0.5;
  base::Seconds period{86'400};
  std::int64_t concurrency = 1;
  std::int64_t query_samples = 1;
};

struct SharedPrefix {
  std::int64_t tokens = 0;
  std::int64_t groups = 1;
};
struct Conversations {
  std::int64_t turns = 1;  // 1: none
  base::Seconds think{0};  // mean of an exponential; 0: at once
};

enum class ServeMode { online, offline };  // offline: all requests are there at time 0
struct Slo {
  base::Seconds ttft = kNever, tpot = kNever, e2e = kNever;
  bool any() const { return ttft < kNever || tpot < kNever || e2e < kNever; }
};

struct ServeWorkload {
  ServeMode mode = ServeMode::online;
  Arrivals arrivals{};
  Lengths input = ConstantLength{1};
  Lengths output = ConstantLength{1};
  SharedPrefix shared_prefix{};
  Conversations conversations{};
  // A trace that was read; null: arrivals and lengths are drawn.
  std::shared_ptr<const std::vector<Request>> trace{};
  Slo slo{};
  std::int64_t warmup_requests = 0;  // served, not measured
  double repeated_share = 0;         // of requests whose content has been asked before
  // Shares of drawn requests of priority 1, 2, ...; empty: all of the policy's default.
  std::vector<double> priority_shares{};
  base::Seconds horizon = kNever;  // the simulation stops here; the rest is in flight
};

// --- engine --------------------------------------------------------------------------------------

enum class BatchingPolicy { none, fixed, dynamic, continuous };  // fixed: `static`
// Orders of iteration-level scheduling. unified: vLLM v1; prefill_first: vLLM v0; orca: whole
// prompts join running sequences, memory reserved for the longest output; sarathi: chunks beside
// decodes, decodes first; no_evict: memory for the whole output is reserved (TensorRT-LLM
// GUARANTEED_NO_EVICT).
enum class ContinuousOrder { unified, prefill_first, orca, sarathi, no_evict };
enum class DynamicBatcher { triton, tf_serving };

struct QueuePolicy {
  std::int64_t size = 0;              // requests that may wait; 0: no limit
  base::Seconds timeout = kNever;     // of waiting
  bool timeout_delays = false;        // Triton: DELAY behind all others; else REJECT
  std::int64_t priority_levels = 0;   // 0: none
  std::int64_t default_priority = 0;  // 1 is the highest
};

struct Batching {
  BatchingPolicy policy = BatchingPolicy::continuous;
  ContinuousOrder order = ContinuousOrder::unified;
  DynamicBatcher batcher = DynamicBatcher::triton;
  std::int64_t max_batch = 256;
  std::int64_t max_tokens = 8192;  // of one step
  bool chunked_prefill = true;
  std::int64_t poll_steps = 1;     // steps of decodes between two looks at what has come in
  std::int64_t max_model_len = 0;  // longest sequence; 0: the model's
  base::Seconds max_delay{0};
  std::vector<std::int64_t> preferred_sizes{};  // Triton
  std::vector<std::int64_t> allowed_sizes{};    // TensorFlow Serving: padded up to one of these
  std::int64_t max_enqueued_batches = 0;        // TensorFlow Serving; 0: no limit
  bool large_batch_splitting = false;           // TensorFlow Serving
  std::int64_t instances = 1;                   // of the model on a replica, sharing its GPU
  bool preserve_ordering = false;
  bool pad_to_longest = false;  // encoder inputs of a batch; else padding is removed
  QueuePolicy queue{};
};

enum class Preemption { recompute, swap };
struct KvCache {
  std::int64_t block = 16;  // tokens
  double memory_fraction = 0.9;
  std::int64_t blocks = 0;  // stated outright; 0: what memory leaves
  bool prefix_caching = true;
  Preemption preemption = Preemption::recompute;
  double watermark = 0.0;      // share of blocks kept free when a request is admitted
  base::Bytes host_memory{0};  // of a replica, for evicted or swapped blocks over PCIe
  bool warm = false;           // shared prefixes are cached when the simulation starts
};

enum class RouterPolicy { round_robin, least_loaded, least_kv, prefix_aware, random, power_of_two };
struct Router {
  RouterPolicy policy = RouterPolicy::round_robin;
  base::Seconds staleness{0};  // loads are seen as they were at the last multiple of this
};

struct Disaggregation {
  std::int64_t prefill = 0;  // replicas; 0 and 0: not disaggregated
  std::int64_t decode = 0;
  std::int64_t prefill_tensor = 0, decode_tensor = 0;  // 0: strategy.tensor
  bool on() const { return prefill > 0 && decode > 0; }
};

struct Speculation {
  std::int64_t tokens = 0;  // drafted a step; 0: none
  double acceptance = 0.7;  // of a drafted token, given that those before it were accepted
  std::string draft{};      // model name; empty: drafting costs draft_time (n-gram, MTP head)
  base::Seconds draft_time{0};
};

struct Autoscale {
  std::int64_t min = 0, max = 0;   // replicas; 0 and 0: off
  double target = 0;               // requests in a replica (waiting and running)
  base::Seconds interval{15};      // of looking
  base::Seconds provisioning{60};  // until a new replica serves
  base::Seconds cooldown{300};     // before scaling down
  bool on() const { return max > 0; }
};

struct ReplicaFailures {
  base::Seconds mtbf = kNever;  // of one replica, exponential
  base::Seconds repair{300};
};

enum class Protocol { none, rest, grpc };
// What lies between a client and the engine.
struct FrontEnd {
  Protocol protocol = Protocol::none;
  base::Seconds overhead{0};  // a request, on top of the protocol's own
  base::Seconds network{0};   // one way
};

struct Pruning {
  bool two_four = false;  // 2:4 sparse weights
  std::int64_t layers_removed = 0;
};

// Replicas of another kind beside the first (heterogeneous pools): on nodes of another GPU.
struct Pool {
  std::string gpu{};
  std::int64_t replicas = 0;
  std::int64_t tensor = 0;  // 0: strategy.tensor
};

struct ServeStrategy {
  std::int64_t replicas = 1;
  std::int64_t tensor = 1, pipeline = 1, data = 1, expert = 1;
  models::NumberFormat precision = models::NumberFormat::bf16;  // int4_weights: weight-only
  models::NumberFormat kv_precision = models::NumberFormat::bf16;
  // Of routing: experts' popularities as moe_form.hpp draws them. What real text asks of experts is
  // uneven, and a step of a few sequences reaches fewer of them than an even draw: 1.01, the exponent
  // that AIConfigurator measures expert kernels with (1.01 and 1.2); 0: as even as can be.
  double expert_skew = 1.01;
  std::int64_t beams = 1;  // of a beam search: continuations of a request that run together
  Batching batching{};
  KvCache kv{};
  Router router{};
  Disaggregation disaggregate{};
  Speculation speculative{};
  Autoscale autoscale{};
  ReplicaFailures failures{};
  FrontEnd front_end{};
  Pruning pruning{};
  std::vector<Pool> pools{};
  bool response_cache = false;
  std::string distilled_from{};  // said in the result; quality is not simulated
  std::string software{};        // of engine_stacks(); empty: by the profile or the default
};

struct ServeJob {
  ServeWorkload workload;
  ServeStrategy strategy;
};

}  // namespace windtunnel::strategies

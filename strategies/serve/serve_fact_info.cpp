#include "strategies/serve/capacity.hpp"
#include "strategies/serve/loadgen.hpp"
#include "strategies/serve/run_serve.hpp"

namespace windtunnel::strategies {
namespace {

using Infos = std::map<std::string, base::FactInfo>;

void add_latency(Infos& infos, const std::string& key, const std::string& name,
                 const std::string& what) {
  infos[key + "_mean_s"] = {name + " mean", "s", what + ", mean"};
  for (const char* share : {"p50", "p90", "p99"})
    infos[key + "_" + share + "_s"] = {name + " " + share, "s", what + ", percentile"};
}

Infos make_infos() {
  Infos infos{
      {"requests",
       {"requests", "", "that came, warm-up included; not those due after the horizon"}},
      {"completed", {"completed", "", "requests answered to the end, warm-up included"}},
      {"rejected", {"rejected", "", "requests turned away: too long, queue full, timed out"}},
      {"in_flight", {"in flight", "", "requests that came and were not finished at the end"}},
      {"preemptions", {"preemptions", "", "sequences that lost their place and began again"}},
      {"steps", {"steps", "", "engine steps or batches, all replicas"}},
      {"makespan_s",
       {"makespan", "s", "first arrival to last answer, or to the horizon that cuts it"}},
      {"request_throughput_per_s",
       {"requests", "1/s",
        "completed over the measured time, first arrival to last answer: below the rate they come "
        "at in short runs, as answers end after the last arrival"}},
      {"measured_completed",
       {"measured requests", "", "completed requests after the warm-up: what rates are of"}},
      {"measured_time_s",
       {"measured time", "s", "first arrival after the warm-up to the last of their answers"}},
      {"output_tokens_per_s", {"output tokens", "1/s", "tokens made over the measured time"}},
      {"total_tokens_per_s", {"tokens", "1/s", "input and output tokens over the measured time"}},
      {"output_tokens_per_s_per_gpu",
       {"output tokens per GPU", "1/s", "over all GPUs of all replicas"}},
      {"output_tokens_per_s_per_user",
       {"output tokens per user", "1/s", "1 / mean TPOT: how fast an answer is read"}},
      {"requests_in_system_mean",
       {"requests in the system", "", "mean over the makespan, waiting and running"}},
      {"batch_mean", {"batch", "", "sequences of a step, weighted by its time"}},
      {"kv_blocks", {"KV blocks", "", "of one data-parallel rank"}},
      {"kv_tokens", {"KV capacity", "", "tokens that the blocks of a rank hold"}},
      {"kv_peak_fraction", {"KV peak", "", "share of the KV blocks in use, at its highest"}},
      {"gpu_busy_fraction", {"GPU busy", "", "share of the time that the device computes"}},
      {"prefix_hit_rate", {"prefix hits", "", "share of prompt tokens found in the KV cache"}},
      {"draft_acceptance", {"draft acceptance", "", "share of drafted tokens that were accepted"}},
      {"slo_attainment", {"SLO attainment", "", "share of measured requests within every limit"}},
      {"goodput_per_s", {"goodput", "1/s", "requests within every limit over the measured time"}},
      {"saturated",
       {"saturated", "", "1: more requests come than leave while they come, beyond bursts"}},
      {"gpus", {"GPUs", "", "of all replicas"}},
      {"kv_transfers", {"KV transfers", "", "from prefill to decode engines"}},
      {"kv_transfer_bytes", {"KV transferred", "bytes", "all transfers together"}},
      {"kv_transfer_slowdown",
       {"KV transfer slowdown", "", "time of the transfers over that on links of their own"}},
      {"response_cache_answers",
       {"cached answers", "", "requests answered from the response cache"}},
      {"replica_failures", {"replica failures", "", "during the run"}},
      {"replicas_peak", {"replicas, peak", "", "that served at the same time"}},
      {"energy_per_output_token_j",
       {"energy per token", "j", "busy GPUs at their limit, idle ones at a fifth, times PUE"}},
      {"cost_per_million_output_tokens_usd",
       {"cost per million tokens", "usd",
        "GPU hours and power over the tokens made, of the whole run"}},
      {"software", {"software", "", "the engine the prediction stands for"}},
      {"profile", {"profile", "", "kernel times from"}},
  };
  add_latency(infos, "ttft", "TTFT", "time to first token, from arrival");
  add_latency(infos, "tpot", "TPOT", "(e2e - TTFT) / (output tokens - 1) of a request");
  add_latency(infos, "itl", "ITL", "time between two output events; more tokens of one event: 0");
  add_latency(infos, "e2e", "end to end", "arrival to last token");
  add_latency(infos, "queue", "queue", "arrival to the first step that works on it");
  infos.insert(loadgen_fact_info().begin(), loadgen_fact_info().end());
  infos.insert(capacity_fact_info().begin(), capacity_fact_info().end());
  return infos;
}

}  // namespace

const Infos& serve_fact_info() {
  static const Infos kInfos = make_infos();
  return kInfos;
}

}  // namespace windtunnel::strategies

#include "strategies/serve/engine/serve_metrics.hpp"
#include "sim/base/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "strategies/serve/engine/saturation.hpp"

namespace windtunnel::strategies {
namespace {

constexpr std::array<std::pair<const char*, double>, 3> kShares{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}}};

void add_distribution(const std::string& name, const std::vector<double>& values,
                      base::Outcome& out) {
  if (values.empty()) return;
  out.facts[name + "_mean_s"] = base::mean(values);
  for (const auto& [text, share] : kShares)
    out.facts[name + "_" + text + "_s"] = base::quantile(values, share);
}

void add_gaps(std::vector<std::pair<double, std::int64_t>> gaps, base::Outcome& out) {
  double sum = 0;
  std::int64_t count = 0;
  for (const auto& [gap, times] : gaps) {
    sum += gap * static_cast<double>(times);
    count += times;
  }
  if (count == 0) return;
  std::sort(gaps.begin(), gaps.end());
  out.facts["itl_mean_s"] = sum / static_cast<double>(count);
  for (const auto& [text, share] : kShares) {
    const auto rank = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(count)));
    std::int64_t seen = 0;
    for (const auto& [gap, times] : gaps) {
      seen += times;
      if (seen < rank) continue;
      out.facts[std::string("itl_") + text + "_s"] = gap;
      break;
    }
  }
}

struct Latencies {
  std::vector<double> ttft, tpot, e2e, queue;
  std::int64_t met = 0, judged = 0;
};

bool meets(const Slo& slo, double ttft, double tpot, double e2e) {
  return ttft <= slo.ttft.value() && tpot <= slo.tpot.value() && e2e <= slo.e2e.value();
}

Latencies latencies(const ServeJob& job, const ServedRun& run) {
  Latencies out;
  const auto skip =
      static_cast<std::size_t>(std::max<std::int64_t>(0, job.workload.warmup_requests));
  for (std::size_t i = std::min(skip, run.records.size()); i < run.records.size(); ++i) {
    const RequestRecord& record = run.records[i];
    if (record.fate == Fate::rejected) ++out.judged;
    if (record.fate != Fate::completed) continue;
    const double ttft = (record.first_token - record.arrival).value();
    const double e2e = (record.finish - record.arrival).value();
    const double tokens = static_cast<double>(record.output_tokens);
    const double tpot = tokens > 1 ? (e2e - ttft) / (tokens - 1.0) : 0.0;
    out.ttft.push_back(ttft);
    out.e2e.push_back(e2e);
    if (tokens > 1) out.tpot.push_back(tpot);
    out.queue.push_back(std::max(0.0, (record.start - record.arrival).value()));
    ++out.judged;
    out.met += meets(job.workload.slo, ttft, tpot, e2e) ? 1 : 0;
  }
  return out;
}

// What is measured: requests after the warm-up, from the first one's arrival to the last one's
// answer; to the end of the run where one is in flight. Without a warm-up: the makespan.
struct Measured {
  double completed = 0, input = 0, output = 0, time = 0;
};

Measured measured(const ServedRun& run, std::size_t skip) {
  Measured out;
  base::Seconds first = kNever, last{0};
  for (std::size_t i = std::min(skip, run.records.size()); i < run.records.size(); ++i) {
    const RequestRecord& record = run.records[i];
    if (!has_come(record)) continue;
    first = base::min(first, record.arrival);
    out.output += static_cast<double>(record.output_tokens);
    if (record.fate == Fate::in_flight) last = kNever;
    if (record.fate != Fate::completed) continue;
    ++out.completed;
    out.input += static_cast<double>(record.input_tokens);
    last = base::max(last, record.finish);
  }
  const double end = skip == 0 ? run.end : std::min(run.end, last.value());
  if (first < kNever) out.time = std::max(0.0, end - first.value());
  return out;
}

// Of the requests and the time that are measured.
void add_rates(const ServeJob& job, const Measured& seen, const FleetFigures& fleet,
               base::Outcome& out) {
  if (job.workload.warmup_requests > 0) {
    out.facts["measured_completed"] = seen.completed;
    out.facts["measured_time_s"] = seen.time;
  }
  if (seen.time <= 0) return;
  out.facts["request_throughput_per_s"] = seen.completed / seen.time;
  out.facts["output_tokens_per_s"] = seen.output / seen.time;
  out.facts["total_tokens_per_s"] = (seen.input + seen.output) / seen.time;
  if (fleet.gpus > 0)
    out.facts["output_tokens_per_s_per_gpu"] = seen.output / seen.time / fleet.gpus;
}

void add_saturation(const ServeJob& job, const ServedRun& run, base::Outcome& out) {
  const Saturation verdict = judge_saturation(job, run);
  out.facts["saturated"] = verdict == Saturation::yes ? 1.0 : 0.0;
  if (verdict == Saturation::unknown)
    out.warnings.push_back(
        "too few requests to tell whether the system is saturated: what came and was not answered "
        "may be bursts, or a system that still fills");
}

// Busy GPUs draw their limit, idle ones a fifth of it.
void add_costs(const ServedRun& run, const FleetFigures& fleet, double tokens, base::Outcome& out) {
  double gpu_seconds = 0, energy = 0;
  for (std::size_t i = 0; i < std::min(run.replicas.size(), fleet.replicas.size()); ++i) {
    const FleetFigures::Engine& engine = fleet.replicas[i];
    const double there = run.replica_seconds[i];
    const double busy = std::min(there, run.replicas[i].busy);
    gpu_seconds += there * engine.gpus;
    energy += engine.power * (busy + 0.2 * (there - busy)) * fleet.pue;
  }
  if (tokens > 0 && energy > 0) out.facts["energy_per_output_token_j"] = energy / tokens;
  const double dollars = gpu_seconds * fleet.gpu_hour + energy * fleet.power_price;
  if (tokens > 0 && dollars > 0)
    out.facts["cost_per_million_output_tokens_usd"] = dollars / tokens * 1e6;
}

}  // namespace

void add_serve_facts(const ServeJob& job, const ServedRun& run, const FleetFigures& fleet,
                     base::Outcome& out) {
  const Latencies seen = latencies(job, run);
  std::int64_t requests = 0, completed = 0, rejected = 0, preempted = 0;
  double output = 0, first = kNever.value();
  for (const RequestRecord& record : run.records) {
    if (!has_come(record)) continue;
    ++requests;
    completed += record.fate == Fate::completed ? 1 : 0;
    rejected += record.fate == Fate::rejected ? 1 : 0;
    preempted += record.preemptions;
    output += static_cast<double>(record.output_tokens);
    first = std::min(first, record.arrival.value());
  }
  out.facts["requests"] = static_cast<double>(requests);
  out.facts["completed"] = static_cast<double>(completed);
  out.facts["rejected"] = static_cast<double>(rejected);
  out.facts["in_flight"] = static_cast<double>(requests - completed - rejected);
  ReplicaCounts sum;
  double there = 0;
  for (std::size_t i = 0; i < run.replicas.size(); ++i) {
    sum += run.replicas[i];
    there += run.replica_seconds[i];
  }
  out.facts["preemptions"] = static_cast<double>(preempted);
  out.facts["steps"] = static_cast<double>(sum.steps);
  const double makespan = std::isfinite(first) ? std::max(0.0, run.end - first) : 0.0;
  out.facts["makespan_s"] = makespan;
  if (sum.step_time > 0) out.facts["batch_mean"] = sum.batch_time / sum.step_time;
  out.facts["kv_peak_fraction"] = sum.kv_peak;
  if (there > 0) out.facts["gpu_busy_fraction"] = std::min(1.0, sum.busy / there);
  if (sum.cached_tokens + sum.prompt_tokens > 0)
    out.facts["prefix_hit_rate"] = static_cast<double>(sum.cached_tokens) /
                                   static_cast<double>(sum.cached_tokens + sum.prompt_tokens);
  if (sum.drafted > 0) out.facts["draft_acceptance"] = sum.draft_accepted / sum.drafted;
  const auto warmup = static_cast<std::size_t>(job.workload.warmup_requests);
  const Measured counted = measured(run, warmup);
  add_rates(job, counted, fleet, out);
  if (makespan > 0) out.facts["requests_in_system_mean"] = run.in_system / makespan;
  add_distribution("ttft", seen.ttft, out);
  add_distribution("tpot", seen.tpot, out);
  add_distribution("e2e", seen.e2e, out);
  add_distribution("queue", seen.queue, out);
  add_gaps(run.gaps, out);
  if (out.facts.contains("tpot_mean_s") && out.facts["tpot_mean_s"] > 0)
    out.facts["output_tokens_per_s_per_user"] = 1.0 / out.facts["tpot_mean_s"];
  if (job.workload.slo.any() && seen.judged > 0) {
    out.facts["slo_attainment"] = static_cast<double>(seen.met) / static_cast<double>(seen.judged);
    if (counted.time > 0) out.facts["goodput_per_s"] = static_cast<double>(seen.met) / counted.time;
  }
  add_saturation(job, run, out);
  out.facts["gpus"] = fleet.gpus;
  if (run.transfers > 0) {
    out.facts["kv_transfers"] = static_cast<double>(run.transfers);
    out.facts["kv_transfer_bytes"] = run.transfer_bytes;
    out.facts["kv_transfer_slowdown"] = run.transfer_slowdown;
  }
  if (run.cache_answers > 0)
    out.facts["response_cache_answers"] = static_cast<double>(run.cache_answers);
  if (run.failures > 0) out.facts["replica_failures"] = static_cast<double>(run.failures);
  if (job.strategy.autoscale.on())
    out.facts["replicas_peak"] = static_cast<double>(run.most_replicas);
  add_costs(run, fleet, output, out);
}

base::Table requests_table(const ServedRun& run) {
  using base::Cell;
  base::Table table{{"request", "arrival_s", "input_tokens", "output_tokens", "replica", "status",
                     "queue_s", "ttft_s", "tpot_s", "e2e_s", "cached_tokens", "preemptions"},
                    {}};
  for (std::size_t i = 0; i < run.records.size(); ++i) {
    const RequestRecord& r = run.records[i];
    if (!has_come(r)) continue;
    const auto since = [&](base::Seconds time) {
      return time < kNever ? Cell((time - r.arrival).value()) : Cell();
    };
    const bool done = r.fate == Fate::completed;
    const double gaps = static_cast<double>(r.output_tokens - 1);
    table.rows.push_back(
        {static_cast<std::int64_t>(i), r.arrival.value(), r.input_tokens, r.output_tokens,
         std::int64_t{r.replica},
         std::string(done                       ? "completed"
                     : r.fate == Fate::rejected ? "rejected"
                                                : "in flight"),
         since(r.start), since(r.first_token),
         done && gaps > 0 ? Cell((r.finish - r.first_token).value() / gaps) : Cell(),
         since(r.finish), r.cached_tokens, std::int64_t{r.preemptions}});
  }
  return table;
}

base::Table load_table(const ServedRun& run) {
  base::Table table{{"time_s", "replica", "waiting", "running", "kv_fraction"}, {}};
  for (const LoadSample& one : run.load)
    table.rows.push_back({one.time, one.replica, one.waiting, one.running, one.kv});
  return table;
}

base::Table replicas_table(const ServedRun& run) {
  base::Table table{{"replica", "steps", "batch_mean", "busy_fraction", "kv_peak_fraction",
                     "preemptions", "prompt_tokens", "cached_tokens"},
                    {}};
  for (std::size_t i = 0; i < run.replicas.size(); ++i) {
    const ReplicaCounts& one = run.replicas[i];
    const double there = run.replica_seconds[i];
    table.rows.push_back({static_cast<std::int64_t>(i), one.steps,
                          one.step_time > 0 ? one.batch_time / one.step_time : 0.0,
                          there > 0 ? std::min(1.0, one.busy / there) : 0.0, one.kv_peak,
                          one.preemptions, one.prompt_tokens, one.cached_tokens});
  }
  return table;
}

base::Table steps_table(const ServedRun& run) {
  base::Table table{{"step", "steps", "time_mean_s", "prompts_mean", "prompt_tokens_mean",
                     "decodes_mean", "decode_keys_mean"},
                    {}};
  ReplicaCounts sum;
  for (const ReplicaCounts& one : run.replicas) sum += one;
  for (const auto& [name, kind] :
       {std::pair{"prompts only", StepKind::prompts}, std::pair{"decodes only", StepKind::decodes},
        std::pair{"prompts and decodes", StepKind::mixed}}) {
    const StepMeans& one = sum.kinds[static_cast<std::size_t>(kind)];
    if (one.steps == 0) continue;
    const double steps = static_cast<double>(one.steps);
    table.rows.push_back({std::string(name), one.steps, one.time / steps, one.prompts / steps,
                          one.prompt_tokens / steps, one.decodes / steps, one.decode_keys / steps});
  }
  return table;
}

}  // namespace windtunnel::strategies

#include "strategies/serve/run_serve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "strategies/serve/batcher/batch_work.hpp"
#include "strategies/serve/engine/serve_metrics.hpp"
#include "strategies/serve/engine/serve_simulation.hpp"
#include "strategies/serve/loadgen.hpp"
#include "strategies/serve/scaled_steps.hpp"
#include "strategies/serve/traffic.hpp"

namespace windtunnel::strategies {
namespace {

bool makes_tokens(const models::Model& model) {
  const auto* t = std::get_if<models::Transformer>(&model.architecture);
  return t != nullptr && t->role == models::TransformerRole::decoder;
}

class ServeRunner {
 public:
  ServeRunner(const ServeJob& job, const ServeSubject& subject, const ServeSite& site,
              const ServeOptions& options)
      : job_(job), subject_(subject), site_(site), options_(options) {}

  base::Outcome run() {
    if (!plan()) return std::move(out_);
    const Traffic traffic = make_traffic(job_.workload, options_.seed);
    const ServedRun served = serve(traffic, 1.0, options_.load_rows);
    add_serve_facts(job_, served, figures(), out_);
    add_loadgen_facts(job_, subject_.model.name, served.records, out_);
    out_.events = served.events;
    if (options_.bands) bands(traffic);
    grounds();
    tables(served);
    words(served);
    return std::move(out_);
  }

 private:
  bool infeasible(std::string why) {
    out_.status = base::Status::infeasible;
    out_.reason = std::move(why);
    return false;
  }

  // --- plans ----------------------------------------------------------------------------------
  bool plan() {
    const ServeStrategy& s = job_.strategy;
    if (!makes_tokens(subject_.model)) {
      if (s.batching.policy == BatchingPolicy::continuous)
        return infeasible(
            "batching.policy is continuous, and the model makes no tokens one by one: take none, "
            "static or dynamic");
      return plan_batches();
    }
    if (s.disaggregate.on()) {
      if (s.batching.policy != BatchingPolicy::continuous)
        return infeasible("disaggregate needs batching.policy continuous");
      return add_engines(EngineRole::prefill, s.disaggregate.prefill) &&
             add_engines(EngineRole::decode, s.disaggregate.decode) && enough_gpus();
    }
    const std::int64_t replicas = s.autoscale.on() ? s.autoscale.max : s.replicas;
    return add_engines(EngineRole::both, replicas) && enough_gpus();
  }

  bool add_engines(EngineRole role, std::int64_t count) {
    EnginePlanning planning = make_engine_plan(job_, subject_, site_, role);
    for (std::string& warning : planning.warnings) out_.warnings.push_back(std::move(warning));
    if (!planning.infeasible.empty()) return infeasible(planning.infeasible);
    for (std::int64_t i = 0; i < count; ++i) {
      fleet_.plans.push_back(*planning.plan);
      fleet_.link_rates.push_back(link_rate(*planning.plan));
    }
    return true;
  }

  // Bytes a second that leave an engine: all its GPUs' NICs, or their scale-up links where the whole
  // system is one domain.
  double link_rate(const EnginePlan& plan) const {
    const sim::Cluster& cluster = *site_.cluster;
    const double gpus = static_cast<double>(plan.gpus);
    const bool one_domain = cluster.node.scale_up.size >= cluster.nodes * cluster.node.gpus;
    if (cluster.nodes == 1 || one_domain || cluster.node.nics.count == 0)
      return gpus * std::max(1.0, cluster.node.scale_up.bandwidth.value());
    const double nics =
        static_cast<double>(cluster.node.nics.count) / static_cast<double>(cluster.node.gpus);
    return gpus * nics * cluster.node.nics.bandwidth.value();
  }

  bool enough_gpus() {
    for (const EnginePlan& plan : fleet_.plans) gpus_ += plan.gpus;
    const std::int64_t there =
        static_cast<std::int64_t>(site_.cluster->nodes) * site_.cluster->node.gpus;
    if (gpus_ > there)
      return infeasible(
          fmt::format("the replicas need {} GPUs, and the cluster has {}", gpus_, there));
    fleet_.link_latency = site_.cluster->node.nics.latency.value();
    return true;
  }

  bool plan_batches() {
    BatchPlanning planning = make_batch_plan(job_, subject_, site_);
    for (std::string& warning : planning.warnings) out_.warnings.push_back(std::move(warning));
    if (!planning.infeasible.empty()) return infeasible(planning.infeasible);
    batch_plan_ = std::move(planning.plan);
    const Autoscale& scale = job_.strategy.autoscale;
    const std::int64_t replicas = scale.on() ? scale.max : job_.strategy.replicas;
    gpus_ = batch_plan_->gpus * replicas;
    EnginePlan place;
    place.gpus = batch_plan_->gpus;
    place.gpu = batch_plan_->gpu;
    fleet_.plans.assign(static_cast<std::size_t>(replicas), place);
    fleet_.link_rates.assign(fleet_.plans.size(), 0.0);
    const std::int64_t there =
        static_cast<std::int64_t>(site_.cluster->nodes) * site_.cluster->node.gpus;
    if (gpus_ > there)
      return infeasible(
          fmt::format("the replicas need {} GPUs, and the cluster has {}", gpus_, there));
    return true;
  }

  // --- runs -----------------------------------------------------------------------------------
  ServedRun serve(const Traffic& traffic, double scale, std::int64_t samples) {
    EngineFleet fleet = fleet_;
    if (batch_plan_ || job_.strategy.batching.policy != BatchingPolicy::continuous)
      fleet.batch_work = [this, scale] { return work(scale); };
    for (EnginePlan& plan : fleet.plans) {
      if (scale != 1.0 && plan.steps) plan.steps = std::make_shared<ScaledSteps>(plan.steps, scale);
    }
    return simulate(job_, fleet, traffic, {.seed = options_.seed, .load_samples = samples});
  }

  std::unique_ptr<BatchWork> work(double scale) const {
    const Batching& batching = job_.strategy.batching;
    if (batch_plan_)
      return one_pass_work(
          std::make_shared<ScaledBatches>(batch_plan_->batches, scale),
          batching.pad_to_longest ? InputPadding::to_longest : InputPadding::removed);
    const EnginePlan& plan = fleet_.plans.front();
    return run_to_completion_work(
        std::make_shared<ScaledSteps>(plan.steps, scale),
        {.padding = batching.pad_to_longest ? InputPadding::to_longest : InputPadding::removed,
         .kv_tokens = plan.memory.blocks * job_.strategy.kv.block,
         .max_model_len = plan.max_model_len});
  }

  // --- results --------------------------------------------------------------------------------
  FleetFigures figures() const {
    const sim::Cluster& cluster = *site_.cluster;
    const double replicas =
        static_cast<double>(std::max<std::int64_t>(1, std::ssize(fleet_.plans)));
    return {.gpus = static_cast<double>(gpus_),
            .gpus_a_replica = static_cast<double>(gpus_) / replicas,
            .gpu_hour = cluster.cost.gpu_hour.value(),
            .power = cluster.node.gpu.power.value(),
            .power_price = cluster.cost.power_price.value(),
            .pue = cluster.cost.pue};
  }

  // A fact's band: what it is where every step is as fast, and as slow, as the kernels' bands allow.
  void bands(const Traffic& traffic) {
    const double low =
        batch_plan_ ? batch_plan_->batches->low_factor() : fleet_.plans.front().steps->low_factor();
    const double high = batch_plan_ ? batch_plan_->batches->high_factor()
                                    : fleet_.plans.front().steps->high_factor();
    if (low >= high) return;
    base::Outcome fast, slow;
    add_serve_facts(job_, serve(traffic, low, 0), figures(), fast);
    add_serve_facts(job_, serve(traffic, high, 0), figures(), slow);
    for (const char* fact :
         {"ttft_mean_s", "ttft_p50_s", "ttft_p90_s", "ttft_p99_s", "tpot_mean_s", "tpot_p50_s",
          "tpot_p90_s", "tpot_p99_s", "e2e_mean_s", "e2e_p50_s", "e2e_p90_s", "e2e_p99_s",
          "itl_mean_s", "makespan_s", "request_throughput_per_s", "output_tokens_per_s",
          "total_tokens_per_s", "output_tokens_per_s_per_gpu", "goodput_per_s"}) {
      const auto value = out_.facts.find(fact);
      const auto a = fast.facts.find(fact), b = slow.facts.find(fact);
      if (value == out_.facts.end() || a == fast.facts.end() || b == slow.facts.end()) continue;
      out_.bands[fact] = {.low = std::min({a->second, b->second, value->second}),
                          .high = std::max({a->second, b->second, value->second}),
                          .level = 0.9};
    }
  }

  void grounds() {
    const std::vector<std::string> rests =
        batch_plan_ ? batch_plan_->rests_on : fleet_.plans.front().steps->rests_on();
    for (const char* fact : {"ttft_mean_s", "tpot_mean_s", "e2e_mean_s", "output_tokens_per_s",
                             "request_throughput_per_s", "makespan_s"}) {
      if (out_.facts.contains(fact)) out_.rests_on[fact] = rests;
    }
  }

  void tables(const ServedRun& served) {
    if (options_.request_rows) out_.tables["requests"] = requests_table(served);
    if (!served.load.empty()) out_.tables["load"] = load_table(served);
    out_.tables["replicas"] = replicas_table(served);
    const EngineMemory& memory = batch_plan_ ? batch_plan_->memory : fleet_.plans.front().memory;
    base::Table table{{"part", "bytes"}, {}};
    for (const auto& [part, bytes] :
         {std::pair{"weights", memory.weights}, std::pair{"activations", memory.activation_peak},
          std::pair{"graphs", memory.graphs}, std::pair{"context", memory.context},
          std::pair{"communication", memory.communication}, std::pair{"kv cache", memory.kv}}) {
      table.rows.push_back({std::string(part), bytes.value()});
    }
    out_.tables["memory"] = std::move(table);
    if (!batch_plan_) {
      out_.facts["kv_blocks"] = static_cast<double>(memory.blocks);
      out_.facts["kv_tokens"] =
          static_cast<double>(memory.blocks) * static_cast<double>(job_.strategy.kv.block);
    }
  }

  void words(const ServedRun& served) {
    out_.labels["software"] = batch_plan_ ? batch_plan_->software : fleet_.plans.front().software;
    out_.labels["profile"] = site_.kernels.name();
    const std::vector<std::string> notes =
        batch_plan_ ? batch_plan_->batches->notes() : fleet_.plans.front().steps->notes();
    for (const std::string& note : notes) out_.warnings.push_back(note);
    for (const auto& [reason, count] : served.rejections)
      out_.warnings.push_back(fmt::format("{} requests were rejected: {}", count, reason));
    if (out_.facts["saturated"] > 0)
      out_.warnings.push_back(
          "saturated: requests come faster than they are served, so latencies grow with the length "
          "of the run");
    if (out_.facts["in_flight"] > 0)
      out_.warnings.push_back(
          fmt::format("{:.0f} requests were not finished at the end", out_.facts["in_flight"]));
    const ServeStrategy& s = job_.strategy;
    const bool narrow = models::weight_bytes(s.precision) < 2.0 ||
                        models::weight_bytes(s.kv_precision) < 2.0 || s.pruning.two_four ||
                        s.pruning.layers_removed > 0 || !s.distilled_from.empty();
    if (narrow)
      out_.warnings.push_back(
          "quality is not simulated: what quantization, pruning or distillation cost in answers "
          "has "
          "to be measured");
  }

  const ServeJob& job_;
  const ServeSubject& subject_;
  const ServeSite& site_;
  const ServeOptions& options_;
  EngineFleet fleet_;
  std::optional<BatchPlan> batch_plan_;
  std::int64_t gpus_ = 0;
  base::Outcome out_;
};

}  // namespace

base::Outcome run_serve(const ServeJob& job, const ServeSubject& subject, const ServeSite& site,
                        const ServeOptions& options) {
  return ServeRunner(job, subject, site, options).run();
}

}  // namespace windtunnel::strategies

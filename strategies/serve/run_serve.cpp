#include "strategies/serve/run_serve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "models/kernels/format_support.hpp"
#include "strategies/mix/serving_run.hpp"
#include "strategies/serve/batcher/batch_work.hpp"
#include "strategies/serve/engine/fleet_planning.hpp"
#include "strategies/serve/engine/serve_metrics.hpp"
#include "strategies/serve/engine/serve_simulation.hpp"
#include "strategies/serve/loadgen.hpp"
#include "strategies/serve/scaled_steps.hpp"
#include "strategies/serve/traffic.hpp"

namespace windtunnel::strategies {
namespace {

constexpr std::size_t kMostLinkRows = 4'096;

class ServeRunner {
 public:
  ServeRunner(const ServeJob& job, const ServeSubject& subject, const ServeSite& site,
              const ServeOptions& options)
      : job_(job), subject_(subject), site_(site), options_(options) {}

  base::Outcome run() {
    if (!plan()) return std::move(out_);
    const Traffic traffic = make_traffic(job_.workload, options_.seed);
    report(serve(traffic, Pace::expected, options_.load_rows));
    if (options_.bands) bands(traffic);
    return std::move(out_);
  }

  // What a run says, without bands.
  void report(const ServedRun& served) {
    add_serve_facts(job_, served, figures_, out_);
    add_loadgen_facts(job_, subject_.model.name, served.records, out_);
    out_.events = served.events;
    grounds();
    tables(served);
    words(served);
  }
  base::Outcome take() { return std::move(out_); }

  // The engines with steps as expected. Pre: there is a plan.
  EngineFleet fleet() { return fleet_at(Pace::expected); }

  bool plan() {
    FleetPlanning planning = plan_fleet(job_, subject_, site_);
    auto support = models::serving_support(job_.strategy.precision, site_.cluster->node.gpu);
    if (support.runs == models::FormatRuns::never && planning.infeasible.empty()) {
      planning.infeasible = std::move(support.sentence);
    }
    out_.warnings = std::move(planning.warnings);
    if (!planning.infeasible.empty()) {
      out_.status = base::Status::infeasible;
      out_.reason = std::move(planning.infeasible);
      return false;
    }
    fleet_ = std::move(planning.fleet);
    batch_plan_ = std::move(planning.batches);
    figures_ = std::move(planning.figures);
    return true;
  }

 private:
  // --- runs -----------------------------------------------------------------------------------
  // Steps as expected, or as fast or slow as the bands of their kernels allow.
  enum class Pace { expected, fast, slow };

  template <typename Times>
  static double factor(const Times& times, Pace pace) {
    return pace == Pace::fast ? times.low_factor() : pace == Pace::slow ? times.high_factor() : 1.0;
  }

  ServedRun serve(const Traffic& traffic, Pace pace, std::int64_t samples) {
    const EngineFleet fleet = fleet_at(pace);
    const SimulationOptions how{.seed = options_.seed, .load_samples = samples};
    if (!uses_links()) return simulate(job_, fleet, traffic, how);
    const sim::Network& network = *options_.links.network;
    std::vector<int> all(static_cast<std::size_t>(network.gpu_count()));
    std::iota(all.begin(), all.end(), 0);
    LinkedRun run =
        serve_on_links(job_, fleet, traffic, *options_.links.engine(),
                       {.gpus = replica_gpus(fleet, site_.cluster, all), .simulation = how});
    if (pace == Pace::expected && options_.request_rows)
      out_.tables["links"] = links_table(run.loads, network, run.time, kMostLinkRows);
    return std::move(run.served);
  }

  // Where replicas send to each other, or between their own nodes.
  bool uses_links() const {
    if (options_.links.network == nullptr || site_.cluster->explicit_network) return false;
    const std::int64_t node = site_.cluster->node.gpus;
    return job_.strategy.disaggregate.on() ||
           std::any_of(fleet_.plans.begin(), fleet_.plans.end(),
                       [node](const EnginePlan& plan) { return plan.gpus > node; });
  }

  EngineFleet fleet_at(Pace pace) {
    EngineFleet fleet = fleet_;
    if (batch_plan_ || job_.strategy.batching.policy != BatchingPolicy::continuous)
      fleet.batch_work = [this, pace] { return work(pace); };
    for (EnginePlan& plan : fleet.plans) {
      if (!plan.steps || pace == Pace::expected) continue;
      plan.steps = std::make_shared<ScaledSteps>(plan.steps, factor(*plan.steps, pace));
    }
    return fleet;
  }

  std::unique_ptr<BatchWork> work(Pace pace) const {
    const Batching& batching = job_.strategy.batching;
    const InputPadding padding =
        batching.pad_to_longest ? InputPadding::to_longest : InputPadding::removed;
    if (batch_plan_)
      return one_pass_work(std::make_shared<ScaledBatches>(batch_plan_->batches,
                                                           factor(*batch_plan_->batches, pace)),
                           padding);
    const EnginePlan& plan = fleet_.plans.front();
    return run_to_completion_work(
        std::make_shared<ScaledSteps>(plan.steps, factor(*plan.steps, pace)),
        {.padding = padding,
         .kv_tokens = plan.memory.blocks * job_.strategy.kv.block,
         .max_model_len = plan.max_model_len});
  }

  // What a scenario leaves open of the way to a first token beside step times (client and front end,
  // tokenizer, which prompts share a step, how often the engine looks): it can save little and cost
  // more than twice as much, as stalls only add (served points of InferenceX: nine in ten between
  // 0.65 and 2.6 times the prediction). Independent of the steps' own band.
  static base::Band with_way_to_first_token(base::Band band, double value) {
    constexpr double kLess = 0.35, kMore = 1.2;
    const double below = std::hypot(1.0 - band.low / value, kLess);
    const double above = std::hypot(band.high / value - 1.0, kMore);
    band.low = value * std::max(0.1, 1.0 - below);
    band.high = value * (1.0 + above);
    return band;
  }

  // --- results --------------------------------------------------------------------------------
  // A fact's band: what it is where every step is as fast, and as slow, as the kernels' bands allow.
  void bands(const Traffic& traffic) {
    const auto banded = [](const EnginePlan& plan) {
      return plan.steps && plan.steps->low_factor() < plan.steps->high_factor();
    };
    const bool any = batch_plan_
                         ? batch_plan_->batches->low_factor() < batch_plan_->batches->high_factor()
                         : std::any_of(fleet_.plans.begin(), fleet_.plans.end(), banded);
    if (!any) return;
    base::Outcome fast, slow;
    add_serve_facts(job_, serve(traffic, Pace::fast, 0), figures_, fast);
    add_serve_facts(job_, serve(traffic, Pace::slow, 0), figures_, slow);
    for (const char* fact :
         {"ttft_mean_s", "ttft_p50_s", "ttft_p90_s", "ttft_p99_s", "tpot_mean_s", "tpot_p50_s",
          "tpot_p90_s", "tpot_p99_s", "e2e_mean_s", "e2e_p50_s", "e2e_p90_s", "e2e_p99_s",
          "itl_mean_s", "makespan_s", "request_throughput_per_s", "output_tokens_per_s",
          "total_tokens_per_s", "output_tokens_per_s_per_gpu", "goodput_per_s"}) {
      const auto value = out_.facts.find(fact);
      const auto a = fast.facts.find(fact), b = slow.facts.find(fact);
      if (value == out_.facts.end() || a == fast.facts.end() || b == slow.facts.end()) continue;
      base::Band band{.low = std::min({a->second, b->second, value->second}),
                      .high = std::max({a->second, b->second, value->second}),
                      .level = 0.9};
      if (!batch_plan_ && std::string_view(fact).starts_with("ttft"))
        band = with_way_to_first_token(band, value->second);
      out_.bands[fact] = band;
    }
  }

  void grounds() {
    std::vector<std::string> rests;
    if (batch_plan_) rests = batch_plan_->rests_on;
    for (const EnginePlan& plan : fleet_.plans)
      add_new(plan.steps, rests, &StepTimeModel::rests_on);
    for (const char* fact : {"ttft_mean_s", "tpot_mean_s", "e2e_mean_s", "output_tokens_per_s",
                             "request_throughput_per_s", "makespan_s"}) {
      if (out_.facts.contains(fact)) out_.rests_on[fact] = rests;
    }
  }

  void tables(const ServedRun& served) {
    if (options_.request_rows) out_.tables["requests"] = requests_table(served);
    if (!served.load.empty()) out_.tables["load"] = load_table(served);
    out_.tables["replicas"] = replicas_table(served);
    if (!batch_plan_) out_.tables["steps"] = steps_table(served);
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

  // What the engines' models say that others have not said yet.
  static void add_new(const std::shared_ptr<StepTimeModel>& steps, std::vector<std::string>& out,
                      std::vector<std::string> (StepTimeModel::*what)() const) {
    if (!steps) return;
    for (std::string& one : ((*steps).*what)()) {
      if (std::find(out.begin(), out.end(), one) == out.end()) out.push_back(std::move(one));
    }
  }

  std::vector<std::string> notes() const {
    std::vector<std::string> out;
    if (batch_plan_) out = batch_plan_->batches->notes();
    const EnginePlan* before = nullptr;
    for (const EnginePlan& plan : fleet_.plans) {
      if (before == nullptr || before->steps != plan.steps)
        add_new(plan.steps, out, &StepTimeModel::notes);
      before = &plan;
    }
    return out;
  }

  void words(const ServedRun& served) {
    out_.labels["software"] = batch_plan_ ? batch_plan_->software : fleet_.plans.front().software;
    out_.labels["profile"] = site_.kernels.name();
    for (const std::string& note : notes()) out_.warnings.push_back(note);
    for (const auto& [reason, count] : served.rejections)
      out_.warnings.push_back(fmt::format("{} {} rejected: {}", count,
                                          count == 1 ? "request was" : "requests were", reason));
    if (out_.facts["saturated"] > 0)
      out_.warnings.push_back(
          "saturated: requests come faster than they are served, so latencies grow with the length "
          "of the run");
    if (out_.facts["in_flight"] > 0)
      out_.warnings.push_back(
          fmt::format("{:.0f} requests were not finished at the end", out_.facts["in_flight"]));
    const ServeStrategy& s = job_.strategy;
    const auto support = models::serving_support(s.precision, site_.cluster->node.gpu);
    if (support.runs != models::FormatRuns::as_asked) out_.warnings.push_back(support.sentence);
    const bool narrow = models::weight_bytes(s.precision) < 2.0 ||
                        models::weight_bytes(s.kv_precision) < 2.0 || s.pruning.two_four ||
                        s.pruning.layers_removed > 0 || !s.distilled_from.empty();
    if (narrow)
      out_.warnings.push_back(
          "quality is not simulated: what quantization, pruning or distillation cost in answers "
          "has to "
          "be measured");
  }

  const ServeJob& job_;
  const ServeSubject& subject_;
  const ServeSite& site_;
  const ServeOptions& options_;
  EngineFleet fleet_;
  std::optional<BatchPlan> batch_plan_;
  FleetFigures figures_;
  base::Outcome out_;
};

}  // namespace

base::Outcome run_serve(const ServeJob& job, const ServeSubject& subject, const ServeSite& site,
                        const ServeOptions& options) {
  return ServeRunner(job, subject, site, options).run();
}

struct PreparedServe::Parts {
  Parts(const ServeJob& job, const ServeSubject& subject, const ServeSite& site,
        const ServeOptions& given)
      : options(given), runner(job, subject, site, options) {}

  ServeOptions options;
  ServeRunner runner;
  bool feasible = false;
  EngineFleet fleet{};
  Traffic traffic{};
};

PreparedServe::PreparedServe(const ServeJob& job, const ServeSubject& subject,
                             const ServeSite& site, const ServeOptions& options)
    : parts_(std::make_unique<Parts>(job, subject, site, options)) {
  parts_->feasible = parts_->runner.plan();
  if (!parts_->feasible) return;
  parts_->fleet = parts_->runner.fleet();
  parts_->traffic = make_traffic(job.workload, options.seed);
}

PreparedServe::~PreparedServe() = default;
PreparedServe::PreparedServe(PreparedServe&&) noexcept = default;

bool PreparedServe::feasible() const {
  return parts_->feasible;
}
const EngineFleet& PreparedServe::fleet() const {
  return parts_->fleet;
}
const Traffic& PreparedServe::traffic() const {
  return parts_->traffic;
}

base::Outcome PreparedServe::outcome(const ServedRun* served) const {
  ServeRunner runner = parts_->runner;
  if (served != nullptr) runner.report(*served);
  return runner.take();
}

}  // namespace windtunnel::strategies

#include "strategies/collective/run_collective.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "sim/base/unit_text.hpp"
#include "strategies/collective/case_tables.hpp"
#include "strategies/collective/prepared_case.hpp"
#include "strategies/collective/simulation.hpp"

namespace windtunnel::strategies {
namespace {

using base::Outcome;
using base::Seconds;

// Spans are kept for a timeline while they are few enough to be looked at.
constexpr std::int64_t kMostSpans = 200'000;

std::int64_t steps_limit(sim::EngineKind kind, const CollectiveOptions& options) {
  return kind == sim::EngineKind::simgrid ? options.steps_limit_simgrid
                                          : options.steps_limit_analytic;
}

Outcome infeasible(const PreparedCase& prepared) {
  Outcome outcome;
  outcome.status = base::Status::infeasible;
  outcome.reason = prepared.infeasible;
  outcome.warnings = prepared.choice.warnings;
  return outcome;
}

// The run of one case, piece by piece into its outcome.
class CaseRun {
 public:
  CaseRun(const CollectiveCase& one, const CollectiveSite& site, const CollectiveOptions& options,
          const PreparedCase& prepared)
      : one_(one), site_(site), options_(options), prepared_(prepared) {}

  Outcome run() {
    outcome_.warnings = prepared_.choice.warnings;
    if (takes_engine(prepared_, options_)) simulate_groups();
    take_times();
    describe_size();
    describe_choice();
    add_tables();
    return std::move(outcome_);
  }

 private:
  bool calibrated() const { return !prepared_.predictions.empty(); }
  std::size_t ranks(std::size_t group) const { return one_.groups[group].size(); }

  void simulate_groups() {
    sim::EngineOptions engine_options;
    engine_options.record_links = options_.link_rows > 0 || options_.heed_busiest_link;
    const sim::Network& network = prepared_.network(site_);
    const auto engine = site_.make_engine(network, engine_options);
    const LoweredGroups lowered =
        lower(prepared_.plans, one_.lowering, steps_limit(engine->kind(), options_), network);
    const std::int64_t transfers = lowered.transfers();
    const bool spans = options_.timeline_rows > 0 && transfers <= kMostSpans;
    simulation_ =
        simulate(prepared_.plans, lowered, *engine, spans ? Spans::recorded : Spans::none);
    if (options_.heed_busiest_link) simulation_->raise_to(busiest_link(network));
    if (prepared_.derated) simulation_->add_launch(prepared_.choice.link_costs->launch);
    outcome_.events = simulation_->events;
    outcome_.facts["messages"] = static_cast<double>(transfers);
    outcome_.labels["lowering"] = lowered.reason;
    outcome_.labels["engine"] = std::string(to_text(engine->kind()));
    if (!options_.engine_reason.empty()) outcome_.labels["engine_reason"] = options_.engine_reason;
    if (engine->kind() == sim::EngineKind::analytic &&
        lowered.lowering == collectives::Lowering::bulk) {
      outcome_.warnings.emplace_back(
          "bulk is made for shared links: the analytic engine serves a port's transfers one after "
          "the "
          "other, whole, which makes pipelines look slower than they are");
    }
  }

  // What the link that is busy for longest needs for the bytes of all groups together.
  Seconds busiest_link(const sim::Network& network) const {
    Seconds most(0);
    for (std::size_t slot = 0; slot < simulation_->bytes_by_link.size(); ++slot) {
      const sim::Link& link = network.links()[slot];
      if (link.fat_pipe) continue;
      most = base::max(most, base::Bytes(simulation_->bytes_by_link[slot]) / link.bandwidth);
    }
    return most;
  }

  Seconds alone(std::size_t group) const {
    return calibrated() ? prepared_.predictions[group].time : simulation_->alone[group];
  }
  double slowdown(std::size_t group) const {
    return prepared_.plans.size() > 1 ? simulation_->slowdown(group) : 1.0;
  }

  // The slowest group sets the time, its band and what it rests on.
  void take_times() {
    slowest_ = 0;
    for (std::size_t group = 1; group < prepared_.plans.size(); ++group) {
      if (alone(group) * slowdown(group) > alone(slowest_) * slowdown(slowest_)) slowest_ = group;
    }
    time_ = alone(slowest_) * slowdown(slowest_);
    Seconds bound(0);
    for (const GroupPlan& plan : prepared_.plans) {
      bound = base::max(bound, plan.lower_bound(prepared_.choice.algorithm));
    }
    outcome_.facts["lower_bound_s"] = bound.value();
    // SimGrid's solver has rates to 1e-5: within that a time may come out below its bound.
    constexpr double kSolver = 2e-5;
    if (!calibrated() && time_ < bound && time_ > bound * (1 - kSolver)) time_ = bound;
    if (calibrated()) take_prediction(bound);
    if (prepared_.derated) take_link_costs(bound);
    outcome_.facts["time_s"] = time_.value();
    outcome_.rests_on["time_s"] = calibrated() ? prepared_.predictions[slowest_].rests_on
                                  : prepared_.derated
                                      ? std::vector<std::string>{"model", "extrapolated"}
                                      : std::vector<std::string>{"model", "roofline"};
    if (simulation_ && calibrated())
      outcome_.facts["simulated_time_s"] = simulation_->time().value();
  }

  // A calibrated time knows nothing of the data sheet: where it claims more than the links have,
  // the links win, and the reader is told.
  void take_prediction(Seconds bound) {
    base::Band band = prepared_.predictions[slowest_].band;
    band.low *= slowdown(slowest_);
    band.high *= slowdown(slowest_);
    if (time_ < bound) {
      outcome_.warnings.push_back(fmt::format(
          "the calibrated time of {} is below the lower bound of {} that the links of {} allow, "
          "and was "
          "raised to it: the profile was measured on faster links, or counts what the cluster does "
          "not state",
          base::to_text(time_), base::to_text(bound), site_.cluster->name));
      time_ = bound;
    }
    band.low = std::max(band.low, bound.value());
    band.high = std::max(band.high, time_.value());
    if (band.high > 0) outcome_.bands["time_s"] = band;
    if (prepared_.plans.size() > 1) add_once(outcome_.rests_on["slowdown"], "model");
  }

  void take_link_costs(Seconds bound) {
    const collectives::LinkCosts& costs = *prepared_.choice.link_costs;
    time_ = base::max(time_, bound);
    const double factor = std::exp(costs.half_width);
    outcome_.bands["time_s"] = {std::max(bound.value(), time_.value() / factor),
                                time_.value() * factor, 0.9};
    outcome_.facts["launch_s"] = costs.launch.value();
    std::string text = fmt::format("profile {}, {}: launch {}", site_.model->name(),
                                   to_text(costs.protocol), base::to_text(costs.launch));
    if (site_.cluster->node.scale_up.kind != sim::ScaleUpKind::none) {
      text += fmt::format("; GPU port {}, {} a message", base::to_text(costs.scale_up),
                          base::to_text(costs.intra_latency));
    }
    if (costs.nic.value() > 0) {
      text += fmt::format("; NIC {}, {} a message", base::to_text(costs.nic),
                          base::to_text(costs.net_latency));
    }
    outcome_.labels["link_costs"] = std::move(text);
  }

  static void add_once(std::vector<std::string>& words, const std::string& word) {
    if (std::ranges::find(words, word) == words.end()) words.push_back(word);
  }

  void describe_size() {
    const auto count = static_cast<std::int64_t>(ranks(slowest_));
    outcome_.facts["bytes"] = one_.bytes.value();
    outcome_.facts["ranks"] = static_cast<double>(count);
    outcome_.facts["steps"] = static_cast<double>(prepared_.plans[slowest_].steps());
    if (time_.value() > 0) {
      const auto factor = collectives::bus_factor(one_.op, count);
      const auto algbw = collectives::algorithm_bandwidth(one_.bytes, time_).value();
      outcome_.facts["algbw_bytes_per_s"] = algbw;
      outcome_.facts["busbw_bytes_per_s"] = algbw * factor;
      if (const auto band = outcome_.bands.find("time_s"); band != outcome_.bands.end()) {
        const base::Band time_band = band->second;
        const base::Band rate{one_.bytes.value() / time_band.high,
                              one_.bytes.value() / time_band.low, time_band.level};
        outcome_.bands["algbw_bytes_per_s"] = rate;
        outcome_.bands["busbw_bytes_per_s"] = {rate.low * factor, rate.high * factor, rate.level};
      }
    }
    add_closed_form();
    if (prepared_.plans.size() > 1) {
      outcome_.facts["slowdown"] = simulation_->slowdown(simulation_->worst_group());
    }
  }

  // What a textbook writes for it, on the slowest route between neighbours.
  void add_closed_form() {
    const GroupPlan& plan = prepared_.plans[slowest_];
    if (plan.request.ranks < 2) return;
    const auto form = collectives::closed_form(plan.request, plan.place->fabric);
    if (!form) return;
    outcome_.facts["closed_form_s"] = form->time.value();
    outcome_.labels["formula"] = form->formula;
  }

  void describe_choice() {
    const CollectiveChoice& choice = prepared_.choice;
    const auto& request = prepared_.plans[slowest_].request;
    const auto label = [&](const char* name, const std::string& text) {
      if (!text.empty()) outcome_.labels[name] = text;
    };
    label("algorithm", std::string(to_text(choice.algorithm)));
    if (choice.protocol) label("protocol", std::string(to_text(*choice.protocol)));
    label("chosen_by", choice.chosen_by);
    label("why", choice.why);
    label("nccl_choice", choice.nccl_choice);
    label("runner_up", choice.runner_up);
    label("chunk", prepared_.chunk_reason);
    if (!simulation_) label("engine", "formula");
    if (choice.runner_up_time) outcome_.facts["runner_up_time_s"] = choice.runner_up_time->value();
    outcome_.facts["channels"] =
        calibrated() && !one_.channels ? choice.channels : request.channels;
    if (request.chunk_bytes > 0) {
      outcome_.facts["chunk_bytes"] = static_cast<double>(request.chunk_bytes);
    }
  }

  void add_tables() {
    if (!prepared_.choice.alternatives.rows.empty()) {
      outcome_.tables["alternatives"] = prepared_.choice.alternatives;
    }
    if (!simulation_) return;
    if (prepared_.plans.size() > 1) {
      std::vector<Seconds> alone_times;
      for (std::size_t group = 0; group < prepared_.plans.size(); ++group) {
        alone_times.push_back(alone(group));
      }
      outcome_.tables["groups"] = groups_table(*simulation_, alone_times);
    }
    if (options_.link_rows > 0) add_links();
    if (!simulation_->spans.empty()) add_timeline();
    if (calibrated() && wants_tables(options_)) {
      outcome_.warnings.emplace_back(
          "the timeline and the bytes of the links are those of the schedule on data-sheet links, "
          "not of "
          "the calibrated time");
    }
  }

  void add_links() {
    base::Table links = links_table(*simulation_, site_.network, time_, options_.link_rows);
    const auto used =
        std::ranges::count_if(simulation_->bytes_by_link, [](double bytes) { return bytes > 0; });
    if (static_cast<std::size_t>(used) > links.rows.size()) {
      outcome_.warnings.push_back(fmt::format("links: the busiest {} of {} that carried something",
                                              links.rows.size(), used));
    }
    outcome_.tables["links"] = std::move(links);
  }

  void add_timeline() {
    base::Table timeline =
        timeline_table(*simulation_, prepared_.plans, site_.network, options_.timeline_rows);
    if (timeline.rows.size() < 2 * simulation_->spans.size()) {
      outcome_.warnings.push_back(
          fmt::format("timeline: {} of {} rows, those of the first participants",
                      timeline.rows.size(), 2 * simulation_->spans.size()));
    }
    outcome_.tables["timeline"] = std::move(timeline);
  }

  const CollectiveCase& one_;
  const CollectiveSite& site_;
  const CollectiveOptions& options_;
  const PreparedCase& prepared_;
  std::optional<Simulation> simulation_;
  std::size_t slowest_ = 0;
  Seconds time_{0};
  Outcome outcome_;
};

}  // namespace

Outcome run_collective_case(const CollectiveCase& one, const CollectiveSite& site,
                            const CollectiveOptions& options) {
  const PreparedCase prepared = prepare(one, site, options);
  if (!prepared.infeasible.empty()) return infeasible(prepared);
  return CaseRun(one, site, options, prepared).run();
}

bool needs_engine(const CollectiveCase& one, const CollectiveSite& site,
                  const CollectiveOptions& options) {
  return takes_engine(prepare(one, site, options), options);
}

}  // namespace windtunnel::strategies

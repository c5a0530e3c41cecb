#include "strategies/mix/run_mix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "strategies/mix/mix_simulation.hpp"
#include "strategies/mix/mix_tables.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

constexpr double kNothing = 1e-9;

class MixRunner {
 public:
  MixRunner(std::span<const MixMember> jobs, const MixSite& site, const MixOptions& options)
      : jobs_(jobs), site_(site), options_(options) {}

  base::Outcome run() {
    prepare();
    if (out_.status != base::Status::ok) return std::move(out_);
    simulate();
    if (out_.status == base::Status::failed) return std::move(out_);
    for (std::size_t j = 0; j < jobs_.size(); ++j) say(j);
    whole();
    return std::move(out_);
  }

 private:
  // --- what there is to do --------------------------------------------------------------------
  void prepare() {
    prepared_.reserve(jobs_.size());
    for (const MixMember& job : jobs_) {
      PreparedMember& one = prepared_.emplace_back(PreparedMember{job});
      if (const auto* train = std::get_if<TrainMember>(&job.work)) {
        prepare_training(*train, one);
      } else {
        prepare_serving(std::get<ServeMember>(job.work), one);
      }
    }
  }

  void prepare_training(const TrainMember& train, PreparedMember& one) {
    const DrawnSteps draw{.seed = options_.seed, .steps = 1};
    PreparedTrain prepared = prepare_train(train.job, train.subject, train.site, draw);
    if (!prepared.plan) return refuse(one.member.name, prepared.refusal);
    if (auto why = too_many_tasks(*prepared.plan)) {
      prepared.refusal.status = base::Status::failed;
      prepared.refusal.reason = *std::move(why);
      return refuse(one.member.name, prepared.refusal);
    }
    one.training.emplace(PreparedTraining{std::move(prepared), {}});
    one.training->folded = run_iteration(*one.training->prepared.plan,
                                         one.training->prepared.network, train.site, draw);
  }

  void prepare_serving(const ServeMember& serve, PreparedMember& one) {
    const ServeOptions options{.seed = options_.seed,
                               .request_rows = options_.request_rows,
                               .load_rows = options_.load_rows,
                               .bands = false};
    one.serving.emplace(serve.job, serve.subject, serve.site, options);
    if (!one.serving->feasible()) refuse(one.member.name, one.serving->outcome(nullptr));
  }

  void refuse(const std::string& name, const base::Outcome& why) {
    add_reason(name, why);
    for (const std::string& warning : why.warnings)
      out_.warnings.push_back(fmt::format("{}: {}", name, warning));
  }

  void add_reason(const std::string& name, const base::Outcome& why) {
    out_.status = why.status;
    out_.reason += fmt::format("{}{}: {}", out_.reason.empty() ? "" : "; ", name, why.reason);
  }

  // --- all together, then each alone ----------------------------------------------------------
  void simulate() {
    auto engine = site_.make_engine(site_.network, {});
    const auto all_jobs = [this] {
      std::vector<std::size_t> all;
      for (std::size_t j = 0; j < jobs_.size(); ++j) all.push_back(j);
      return all;
    };
    mixed_ = simulate_mix({prepared_, all_jobs()}, *engine, options_);
    out_.events = mixed_.events;
    if (gave_up()) return;
    std::vector<std::int64_t> iterations(jobs_.size(), 0);
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (mixed_.members[j].trained)
        iterations[j] = static_cast<std::int64_t>(measured_iterations(mixed_, j).back()) + 1;
    }
    MixOptions quiet = options_;
    quiet.timeline_rows = quiet.load_rows = 0;
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      // SimGrid has one engine a process, whose clock goes on.
      if (engine->kind() != sim::EngineKind::simgrid) engine = site_.make_engine(site_.network, {});
      MixRun alone = simulate_mix({prepared_, {j}, iterations}, *engine, quiet);
      alone_.push_back(std::move(alone.members.front()));
      out_.events += alone.events;
    }
  }

  bool gave_up() {
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      const auto& trained = mixed_.members[j].trained;
      if (!trained || trained->gave_up.empty()) continue;
      out_.status = base::Status::failed;
      out_.reason = fmt::format("{}: {}", jobs_[j].name, trained->gave_up);
    }
    return out_.status == base::Status::failed;
  }

  // --- what each job has to say ---------------------------------------------------------------
  void say(std::size_t j) {
    base::Outcome with, alone;
    if (prepared_[j].training) {
      const std::vector<std::size_t> measured = measured_iterations(mixed_, j);
      with = training_outcome(j, *mixed_.members[j].trained, measured);
      alone = training_outcome(j, *alone_[j].trained, measured);
      with.facts["iterations"] = static_cast<double>(mixed_.members[j].trained->iterations.size());
      with.facts["measured_iterations"] = static_cast<double>(measured.size());
    } else {
      with = prepared_[j].serving->outcome(&*mixed_.members[j].served);
      alone = prepared_[j].serving->outcome(&*alone_[j].served);
    }
    compare(j, with, alone);
    take(j, std::move(with));
  }

  // Means of the iterations that are measured.
  base::Outcome training_outcome(std::size_t j, const TrainedRun& run,
                                 const std::vector<std::size_t>& measured) const {
    const auto& train = std::get<TrainMember>(jobs_[j].work);
    Iteration mean = run.last;
    Breakdown sum;
    Seconds time{0};
    for (const std::size_t i : measured) {
      time += run.iterations[i].time();
      sum += run.iterations[i].parts;
    }
    const double share = 1.0 / static_cast<double>(measured.size());
    mean.time = time * share;
    mean.parts = sum * share;
    mean.low = run.last.low * (mean.time / run.last.time);
    mean.high = run.last.high * (mean.time / run.last.time);
    base::Outcome out =
        train_outcome(prepared_[j].training->prepared, train.subject.model, train.site, mean);
    out.facts["unshared_iteration_time_s"] = prepared_[j].training->folded.time.value();
    return out;
  }

  void compare(std::size_t j, base::Outcome& with, const base::Outcome& alone) {
    const bool trains = prepared_[j].training.has_value();
    const std::string judged = trains ? "iteration_time_s" : "e2e_mean_s";
    const auto both = [&](const std::string& fact) {
      return with.facts.contains(fact) && alone.facts.contains(fact);
    };
    if (both(judged)) {
      // To the last bit 1 where nothing is shared.
      with.facts["slowdown"] = with.facts.at(judged) / alone.facts.at(judged);
      worst_ = std::max(worst_.value_or(0.0), with.facts["slowdown"]);
    }
    std::vector<std::string> facts{"iteration_time_s", "tokens_per_s", "time_data_comm_s",
                                   "time_pipeline_comm_s"};
    if (!trains) {
      facts = {"ttft_mean_s", "ttft_p50_s", "ttft_p99_s", "tpot_mean_s",         "tpot_p50_s",
               "tpot_p99_s",  "e2e_mean_s", "e2e_p50_s",  "output_tokens_per_s", "goodput_per_s"};
    }
    for (const std::string& fact : facts) {
      if (!both(fact)) continue;
      const double alone_value = alone.facts.at(fact), value = with.facts.at(fact);
      // What rounding leaves of parts that a job does not have.
      if (std::max(alone_value, value) < kNothing * with.facts.at(judged)) continue;
      compared_.rows.push_back({jobs_[j].name, std::string(trains ? "train" : "serve"),
                                static_cast<std::int64_t>(jobs_[j].gpus.size()), fact, alone_value,
                                value,
                                alone_value > 0 ? base::Cell(value / alone_value) : base::Cell()});
      with.facts["alone_" + fact] = alone_value;
    }
  }

  void take(std::size_t j, base::Outcome one) {
    const std::string& name = jobs_[j].name;
    const auto key = [&](const std::string& fact) { return fmt::format("{}.{}", name, fact); };
    for (const auto& [fact, value] : one.facts) out_.facts[key(fact)] = value;
    for (auto& [label, text] : one.labels) out_.labels[key(label)] = std::move(text);
    for (const auto& [fact, band] : one.bands) out_.bands[key(fact)] = band;
    for (auto& [fact, rests] : one.rests_on) out_.rests_on[key(fact)] = std::move(rests);
    for (auto& [table, rows] : one.tables) out_.tables[key(table)] = std::move(rows);
    for (const std::string& warning : one.warnings)
      out_.warnings.push_back(fmt::format("{}: {}", name, warning));
    if (one.status != base::Status::ok) add_reason(name, one);
  }

  // --- the mix itself -------------------------------------------------------------------------
  void whole() {
    const std::vector<SharedLink> shared = shared_links(mixed_, site_.network);
    double gpus = 0;
    for (const MixMember& job : jobs_) gpus += static_cast<double>(job.gpus.size());
    out_.facts["jobs"] = static_cast<double>(jobs_.size());
    out_.facts["gpus"] = gpus;
    out_.facts["makespan_s"] = mixed_.end.value();
    out_.facts["shared_links"] = static_cast<double>(shared.size());
    out_.facts["shared_link_peak"] = shared.empty() ? 0.0 : shared.front().use;
    if (worst_) out_.facts["worst_slowdown"] = *worst_;
    warn_of_shared_nodes();
    if (!shared.empty()) {
      const sim::LinkId link(static_cast<std::int32_t>(shared.front().link));
      out_.labels["busiest_shared_link"] = site_.network.link_name(link);
    }
    out_.tables["jobs"] = std::move(compared_);
    if (!shared.empty())
      out_.tables["shared_links"] =
          shared_links_table(mixed_, site_.network, jobs_, options_.link_rows);
    base::Table iterations = iterations_table(mixed_, jobs_);
    if (!iterations.rows.empty()) out_.tables["iterations"] = std::move(iterations);
    if (options_.timeline_rows > 0)
      out_.tables["timeline"] = mix_timeline(mixed_, jobs_, options_.timeline_rows);
  }

  // What jobs share inside a node keeps the time it takes alone; NVLink ports are a GPU's own.
  void warn_of_shared_nodes() {
    std::map<int, std::size_t> owners;  // a job by node
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      for (const int gpu : jobs_[j].gpus) {
        const int node = site_.network.node_of(site_.network.gpu(gpu));
        const auto [owner, first] = owners.emplace(node, j);
        if (first || owner->second == j || !over_pcie(jobs_[j])) continue;
        out_.warnings.push_back(
            fmt::format("{} and {} share nodes whose GPUs reach each other over PCIe: what that "
                        "costs them inside the node is not simulated",
                        jobs_[owner->second].name, jobs_[j].name));
        return;
      }
    }
  }

  static bool over_pcie(const MixMember& job) {
    const auto kind = std::visit(
        [](const auto& work) { return work.site.cluster->node.scale_up.kind; }, job.work);
    return kind == sim::ScaleUpKind::pcie || kind == sim::ScaleUpKind::none;
  }

  std::span<const MixMember> jobs_;
  const MixSite& site_;
  const MixOptions& options_;
  std::vector<PreparedMember> prepared_;
  MixRun mixed_;
  std::vector<MemberRun> alone_;
  base::Table compared_{{"job", "kind", "gpus", "fact", "alone", "with_the_others", "ratio"}, {}};
  std::optional<double> worst_;
  base::Outcome out_;
};

}  // namespace

base::Outcome run_mix(std::span<const MixMember> jobs, const MixSite& site,
                      const MixOptions& options) {
  return MixRunner(jobs, site, options).run();
}

}  // namespace windtunnel::strategies

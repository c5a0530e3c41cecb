// Candidates of training: laid out, memory first, then costed; one rank of each
// stage.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "scenarios/document/write.hpp"
#include "scenarios/schema/tables.hpp"
#include "scenarios/search/candidate_run.hpp"
#include "scenarios/study_site.hpp"
#include "sim/base/unit_text.hpp"
#include "strategies/train/memory_facts.hpp"
#include "strategies/train/run_train.hpp"
#include "strategies/train/train_facts.hpp"

namespace windtunnel::scenarios {
namespace {

// What the candidates of a setting share.
struct Place {
  std::shared_ptr<const collectives::TimeModel> links;
  std::shared_ptr<const models::KernelTimeModel> kernels;
};

class TrainRunner : public CandidateRunner {
 public:
  TrainRunner(const LoadedScenario& loaded, const CandidateSpace& space, SearchAim aim)
      : space_(space), aim_(std::move(aim)), layouts_(loaded) {
    for (const Setting& setting : space.settings()) {
      Place place;
      if (setting.scenario) {
        place.links = source_.model_for(*setting.scenario);
        place.kernels = kernels_of(*setting.scenario);
      }
      places_.push_back(std::move(place));
    }
  }

  Verdict run(const Candidate& one) override {
    const Setting& setting = space_.setting(one);
    if (!setting.scenario) return impossible(setting.problem);
    std::string problem;
    const auto strategy = layouts_.bind(space_.layout(one.layout), problem);
    if (!strategy) return impossible(std::move(problem));
    if (strategy->sizes.pipeline == 1 && strategy->virtual_stages > 1) {
      return {.fate = Fate::pruned,
              .reason = "as with virtual_stages 1: a pipeline of one stage interleaves nothing"};
    }
    const auto& train = std::get<TrainScenario>(setting.scenario->workload);
    strategies::TrainJob job{train.job.workload, *strategy};
    const Place& place = places_[one.setting];
    return cost(job, train,
                {setting.scenario->cluster, *place.kernels, place.links.get(),
                 other_training_kernels(setting.scenario->calibration), &schedules_});
  }

  base::Outcome show(const Candidate&, const Verdict& verdict) override { return verdict.outcome; }

  // Neighbours share schedules, and a batch starts with none.
  std::size_t batch() const override {
    return std::clamp<std::size_t>(space_.all().size() / 64, 64, 2048);
  }

 private:
  // One model a GPU and profile: clusters of other sizes share it.
  std::shared_ptr<const models::KernelTimeModel> kernels_of(const Scenario& scenario) {
    auto& kernels =
        kernels_[to_flow_yaml(write_structure(gpu_structure(), &scenario.cluster->node.gpu)) +
                 scenario.calibration];
    if (kernels == nullptr) kernels = source_.kernels_for(scenario);
    return kernels;
  }

  static Verdict impossible(std::string reason) {
    return {.fate = Fate::infeasible, .reason = std::move(reason)};
  }

  Verdict cost(const strategies::TrainJob& job, const TrainScenario& train,
               const strategies::TrainSite& site) const {
    const strategies::TrainSubject subject{*train.model, *train.network};
    const strategies::PreparedTrain prepared = strategies::prepare_train(job, subject, site);
    if (!prepared.plan) return impossible(prepared.refusal.reason);
    const strategies::TrainPlan& plan = *prepared.plan;
    base::Outcome early;
    const auto stages = strategies::stage_memory(plan, prepared.network);
    const sim::Gpu& gpu = site.cluster->node.gpu;
    // Where GPUs differ, each stage has its own room, which the facts look at.
    const bool alike = site.cluster->overrides.empty();
    if (alike && !strategies::fits(stages, gpu)) return impossible(does_not_fit(stages, gpu));
    strategies::add_memory_facts(plan, prepared.network, stages, gpu, early);
    early.facts["gpus"] = static_cast<double>(plan.gpus);
    if (auto why = broken_early(early)) return {.fate = Fate::pruned, .reason = *std::move(why)};
    const strategies::Iteration iteration = strategies::run_iteration(
        plan, prepared.network, site, {.spans = strategies::SpansKept::closing}, stages);
    base::Outcome all;
    strategies::add_train_facts(plan, {*train.model, prepared.network}, site, iteration, all);
    if (all.status == base::Status::infeasible) return impossible(all.reason);
    // What only some jobs have (goodput) comes with the tables, which take longer.
    if (!has_wanted(all)) all = strategies::train_outcome(prepared, *train.model, site, iteration);
    Verdict out;
    for (const std::string& fact : aim_.facts) {
      const auto found = all.facts.find(fact);
      if (found != all.facts.end()) out.outcome.facts.insert(*found);
    }
    return out;
  }

  bool has_wanted(const base::Outcome& all) const {
    return std::all_of(aim_.facts.begin(), aim_.facts.end(),
                       [&](const std::string& fact) { return all.facts.contains(fact); });
  }

  static std::string does_not_fit(const std::vector<strategies::StageMemory>& stages,
                                  const sim::Gpu& gpu) {
    return fmt::format("out of memory: the fullest stage needs {} of {} usable",
                       base::to_text(strategies::fullest(stages).total()),
                       base::to_text(strategies::usable_memory(gpu)));
  }

  std::optional<std::string> broken_early(const base::Outcome& early) const {
    for (const FactConstraint& one : aim_.constraints) {
      const auto found = early.facts.find(one.fact);
      if (found != early.facts.end() && !one.holds(found->second)) return one.text;
    }
    return std::nullopt;
  }

  const CandidateSpace& space_;
  SearchAim aim_;
  LayoutBinder layouts_;
  ModelSource source_;
  strategies::PipelinePlans schedules_;
  std::vector<Place> places_;  // by setting
  std::map<std::string, std::shared_ptr<const models::KernelTimeModel>> kernels_;
};

}  // namespace

std::unique_ptr<CandidateRunner> train_runner(const LoadedScenario& loaded,
                                              const CandidateSpace& space, SearchAim aim) {
  return std::make_unique<TrainRunner>(loaded, space, std::move(aim));
}

}  // namespace windtunnel::scenarios

#include "scenarios/search/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>

#include "scenarios/search/question.hpp"
#include "scenarios/search/ranking.hpp"
#include "scenarios/study_assembly.hpp"
#include "scenarios/study_case.hpp"
#include "sim/base/contract.hpp"
#include "sim/engine/worker_pool.hpp"

namespace windtunnel::scenarios {
namespace {

using Clock = std::chrono::steady_clock;

// Thrown out of the pool's callback to end it early; does not leave this file.
struct StopEarly {};

// --- verdicts as bytes ---------------------------------------------------------------------------

constexpr const char* kFate = "plan.fate";
constexpr const char* kMisses = "plan.misses_slo";

std::string bytes_of(const Verdict& verdict) {
  TimedOutcome timed{.outcome = verdict.outcome, .wall_s = 0};
  timed.outcome.reason = verdict.reason;
  timed.outcome.facts[kFate] = static_cast<double>(verdict.fate);
  timed.outcome.facts[kMisses] = verdict.misses_slo ? 1 : 0;
  timed.wall_s = static_cast<double>(verdict.simulations);
  return to_bytes(timed);
}

Verdict verdict_of(std::string_view bytes) {
  TimedOutcome timed = from_bytes(bytes);
  Verdict out{.fate = static_cast<Fate>(static_cast<int>(timed.outcome.facts.at(kFate))),
              .reason = timed.outcome.reason,
              .misses_slo = timed.outcome.facts.at(kMisses) > 0,
              .simulations = static_cast<std::int64_t>(timed.wall_s)};
  timed.outcome.facts.erase(kFate);
  timed.outcome.facts.erase(kMisses);
  out.outcome = std::move(timed.outcome);
  return out;
}

void append(std::string& out, const std::string& part) {
  const std::size_t size = part.size();
  char raw[sizeof size];
  std::memcpy(raw, &size, sizeof size);
  out.append(raw, sizeof size);
  out += part;
}

std::string_view taken(std::string_view& rest) {
  std::size_t size = 0;
  base::expects(rest.size() >= sizeof size, "a whole batch");
  std::memcpy(&size, rest.data(), sizeof size);
  rest.remove_prefix(sizeof size);
  base::expects(rest.size() >= size, "a whole batch");
  const std::string_view out = rest.substr(0, size);
  rest.remove_prefix(size);
  return out;
}

// --- the run -------------------------------------------------------------------------------------

class PlanRun {
 public:
  PlanRun(const LoadedScenario& loaded, const StudyOptions& options)
      : loaded_(loaded),
        options_(options),
        question_(question_of(loaded)),
        space_(loaded, question_.search.axes),
        runner_(trains(loaded) ? train_runner(loaded, space_, question_.aim)
                               : serve_runner(loaded, space_, question_.aim)) {
    for (const Candidate& one : space_.all()) all_.push_back({.candidate = one});
  }

  Study run() {
    evaluate();
    const Ranking ranking = rank(all_, question_.search, question_.objective);
    const RankedSearch ranked{space_,  all_,           question_.search, question_.objective,
                              ranking, question_.shown};
    reports::PlanRecord record = plan_record(ranked);
    if (trains(loaded_)) record.words["held"] = held_fields(loaded_, space_.axes());
    const double wall = std::chrono::duration<double>(Clock::now() - start_).count();
    record.facts["wall_s"] = wall;
    record.facts["evaluations_per_s"] = wall > 0 ? record.facts["evaluated"] / wall : 0.0;
    Study study = shown(ranked);
    study.result.plan = std::move(record);
    study.interrupted = interrupted_;
    study.failure = std::min(study.failure, failure_);
    study.planned_cases = static_cast<std::int64_t>(all_.size());
    say_failures(study);
    return study;
  }

 private:
  void evaluate() {
    const std::size_t batch = runner_->batch();
    const std::size_t batches = (all_.size() + batch - 1) / batch;
    const auto last = [&](std::size_t index) { return std::min(all_.size(), (index + 1) * batch); };
    std::int64_t finished = 0;
    const auto work = [&](std::size_t index) {
      std::string out;
      for (std::size_t i = index * batch; i < last(index); ++i) {
        append(out, bytes_of(runner_->run(all_[i].candidate)));
      }
      return out;
    };
    const auto on_finished = [&](std::size_t index, const sim::JobOutcome& outcome) {
      std::string_view rest = outcome.payload;
      for (std::size_t i = index * batch; i < last(index); ++i) {
        if (outcome.status == sim::JobStatus::done) {
          all_[i].verdict = verdict_of(taken(rest));
        } else {
          all_[i].verdict = {.fate = Fate::failed, .reason = outcome.error};
          note_failure(outcome.exception);
        }
        all_[i].done = true;
        ++finished;
      }
      options_.on_progress(finished, static_cast<std::int64_t>(all_.size()));
      if (options_.stop_requested()) throw StopEarly{};
    };
    try {
      interrupted_ =
          sim::run_jobs(batches, work, {.jobs = options_.jobs, .on_finished = on_finished})
              .interrupted;
    } catch (const StopEarly&) {
      interrupted_ = true;
    }
    interrupted_ = interrupted_ && finished < static_cast<std::int64_t>(all_.size());
  }

  void note_failure(const std::exception_ptr& exception) {
    FailureCause cause = FailureCause::bug;
    try {
      if (exception) std::rethrow_exception(exception);
    } catch (const base::EnvironmentError&) {
      cause = FailureCause::environment;
    } catch (const std::bad_alloc&) {
      cause = FailureCause::environment;
    } catch (const std::exception&) {
    }
    failure_ = std::min(failure_, cause);
  }

  void say_failures(Study& study) const {
    const auto failed = std::find_if(all_.begin(), all_.end(), [](const Judged& one) {
      return one.done && one.verdict.fate == Fate::failed;
    });
    if (failed == all_.end()) return;
    study.result.warnings.push_back(fmt::format("{:.0f} candidates failed: {}",
                                                study.result.plan->facts.at("failed"),
                                                failed->verdict.reason));
  }

  // --- the best as cases -------------------------------------------------------------------------
  Study shown(const RankedSearch& ranked) {
    LoadedScenario best;
    best.name = loaded_.name;
    best.path = loaded_.path;
    best.sha256 = loaded_.sha256;
    std::vector<std::size_t> chosen;
    for (const RankedLine& line :
         ranked_lines(ranked, static_cast<std::size_t>(question_.search.top))) {
      chosen.push_back(line.best);
    }
    // One candidate is a case, whatever became of it.
    if (all_.size() == 1 && chosen.empty() && all_.front().done) chosen.push_back(0);
    for (const std::size_t i : chosen) {
      loaded_.tree->forget();
      auto bound = loaded_.tree->bind(space_.assignments(all_[i].candidate));
      if (!bound) {
        chosen.clear();
        break;
      }
      best.points.push_back({.parameters = space_.parameters(all_[i].candidate),
                             .scenario = std::move(bound->scenario),
                             .expectations = {}});
    }
    if (chosen.empty()) return nothing();
    if (trains(loaded_)) {
      StudyOptions options = options_;
      options.stop_requested = [] { return false; };
      options.on_progress = [](std::int64_t, std::int64_t) {};
      return run_study({&best, 1}, options);
    }
    return shown_serving(best, chosen);
  }

  Study nothing() const {
    Study study;
    sign(study.result);
    study.result.scenarios.push_back({loaded_.name, loaded_.path, loaded_.sha256});
    study.result.seed = loaded_.points.front().scenario.engine.seed;
    return study;
  }

  void sign(reports::Result& result) const {
    result.tool_version = options_.tool_version;
    result.tool_git = options_.tool_git;
  }

  Study shown_serving(const LoadedScenario& best, const std::vector<std::size_t>& chosen) {
    Study study;
    sign(study.result);
    const std::set<std::string> varied = varied_paths(best);
    std::vector<CaseSlot> slots(chosen.size());
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      const Judged& one = all_[chosen[k]];
      const SweepPoint& point = best.points[k];
      reports::ResultCase result = describe(point, ServeCase{&point.scenario}, varied);
      result.outcome = one.verdict.outcome;
      if (question_.aim.serve == SearchAim::Serve::fewest_replicas && one.evaluated()) {
        const auto replicas = static_cast<std::int64_t>(one.fact("replicas"));
        result.parameters.emplace_back("strategy.replicas", replicas);
        result.name += fmt::format(" strategy.replicas={}", replicas);
      }
      if (one.verdict.fate == Fate::infeasible) {
        result.outcome.status = base::Status::infeasible;
        result.outcome.reason = one.verdict.reason;
      }
      if (k == 0 && one.evaluated()) in_full(one, result);
      result.engine = result.outcome.facts.empty() ? "none" : "analytic";
      slots[k] = {std::move(result), &best, &point};
    }
    assemble({&best, 1}, std::move(slots), study);
    for (const auto& [name, info] : facts_of_search("serve")) {
      for (const reports::ResultCase& one : study.result.cases) {
        if (one.outcome.facts.contains(name)) study.result.fact_info.emplace(name, info);
      }
    }
    return study;
  }

  // The best one with its requests and bands, in a process of its own.
  void in_full(const Judged& one, reports::ResultCase& result) {
    const auto begin = Clock::now();
    const auto work = [&](std::size_t) {
      return to_bytes({runner_->show(one.candidate, one.verdict), 0});
    };
    const auto done = sim::run_jobs(1, work, {.jobs = 1, .on_finished = {}});
    const sim::JobOutcome& outcome = done.outcomes.front();
    if (outcome.status == sim::JobStatus::done) {
      result.outcome = from_bytes(outcome.payload).outcome;
      result.wall_s = std::chrono::duration<double>(Clock::now() - begin).count();
    } else if (outcome.status == sim::JobStatus::failed) {
      note_failure(outcome.exception);
    }
  }

  const LoadedScenario& loaded_;
  const StudyOptions& options_;
  Clock::time_point start_ = Clock::now();
  Question question_;
  CandidateSpace space_;
  std::unique_ptr<CandidateRunner> runner_;
  std::vector<Judged> all_;
  bool interrupted_ = false;
  FailureCause failure_ = FailureCause::none;
};

}  // namespace

Study run_plan(const LoadedScenario& loaded, const StudyOptions& options) {
  base::expects(options.jobs >= 1, "a plan runs at least one candidate at a time");
  return PlanRun(loaded, options).run();
}

}  // namespace windtunnel::scenarios

#include "scenarios/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "scenarios/study_assembly.hpp"
#include "scenarios/study_case.hpp"
#include "sim/base/contract.hpp"
#include "sim/engine/worker_pool.hpp"

namespace windtunnel::scenarios {

namespace {

using strategies::CollectiveCase;

// Networks held at the same time, in links; a cluster of 16,384 GPUs has some 100,000.
constexpr std::size_t kMostLinks = 1'000'000;
// After an analytic case that took longer, those like it go to the workers.
constexpr double kSlowSeconds = 0.02;

// Thrown out of the pool's callback to end it early; does not leave this file.
struct StopEarly {};

FailureCause cause_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const base::EnvironmentError&) {
    return FailureCause::environment;
  } catch (const std::bad_alloc&) {
    return FailureCause::environment;
  } catch (const std::exception& error) {
    // Killed from outside: by the kernel, short of memory.
    const bool killed = std::string_view(error.what()).find("signal 9 ") != std::string_view::npos;
    return killed ? FailureCause::environment : FailureCause::bug;
  }
}

std::string text_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    return "out of memory";
  } catch (const std::exception& error) {
    return error.what();
  }
}

// Cases whose timeline and links are kept: one for each op and algorithm at the first point of a
// scenario, of the largest size, and not more than a reader will look through.
class Showcase {
 public:
  Detail detail(const LoadedScenario& scenario, const SweepPoint& point, const CaseSpec& spec) {
    constexpr int kMost = 16;
    const auto* one = std::get_if<CollectiveCase>(&spec);
    const bool shown =
        one == nullptr || (&point == &scenario.points.front() && is_largest(point, *one));
    if (!shown || shown_ >= kMost) return Detail::facts;
    ++shown_;
    return Detail::everything;
  }

 private:
  static bool is_largest(const SweepPoint& point, const CollectiveCase& one) {
    const auto& sizes = std::get<strategies::CollectiveWorkload>(point.scenario.workload).sizes;
    return one.bytes == *std::max_element(sizes.begin(), sizes.end());
  }

  int shown_ = 0;
};

std::string text_of(sim::EngineKind kind) {
  return std::string(sim::to_text(kind));
}

// Who answered. Beside a model's time an engine only draws the timeline, unless groups meet.
std::string engine_text(const StudyCase& one, const base::Outcome& outcome) {
  if (outcome.facts.contains("simulated_time_s") && !outcome.facts.contains("slowdown")) {
    return "model";
  }
  const bool computes = !std::holds_alternative<CollectiveCase>(one.spec);
  if (std::holds_alternative<ServeCase>(one.spec) && outcome.facts.empty()) return "none";
  if (one.takes_engine || (computes && !outcome.facts.empty())) return text_of(one.engine.kind);
  return outcome.status == base::Status::ok ? "model" : "none";
}

// Cases that take about as long as each other, sizes apart.
using Kind = std::pair<collectives::Op, collectives::Algorithm>;
std::optional<Kind> kind_of(const StudyCase& one) {
  const auto* spec = std::get_if<CollectiveCase>(&one.spec);
  return spec == nullptr ? std::nullopt : std::optional(Kind{spec->op, spec->algorithm});
}

class StudyRun {
 public:
  StudyRun(std::span<const LoadedScenario> scenarios, const StudyOptions& options)
      : scenarios_(scenarios), options_(options) {
    for (const LoadedScenario& one : scenarios) study_.planned_cases += count_cases(one);
    slots_.resize(static_cast<std::size_t>(study_.planned_cases));
    study_.result.tool_version = options.tool_version;
    study_.result.tool_git = options.tool_git;
  }

  Study run() {
    std::size_t slot = 0;
    for (const LoadedScenario& scenario : scenarios_) {
      varied_ = varied_paths(scenario);
      for (const SweepPoint& point : scenario.points) {
        if (stopped()) break;
        add_point(scenario, point, slot);
        slot += static_cast<std::size_t>(case_count(point));
      }
    }
    run_pending();
    study_.interrupted = stopped() && finished_ < study_.planned_cases;
    study_.result.calibrations.assign(calibrations_.begin(), calibrations_.end());
    assemble(scenarios_, std::move(slots_), study_);
    return std::move(study_);
  }

 private:
  bool stopped() const { return interrupted_ || options_.stop_requested(); }

  void add_point(const LoadedScenario& scenario, const SweepPoint& point, std::size_t slot) {
    const std::shared_ptr<const Site> site = sites_.at(point.scenario);
    if (held_.insert(site).second) held_links_ += site->network.links().size();
    slow_.reset();
    for (CaseSpec& spec : expand_point(point, site->network.gpu_count())) {
      slots_[slot].scenario = &scenario;
      slots_[slot].point = &point;
      StudyCase one;
      one.slot = slot++;
      one.site = site;
      one.asked = point.scenario.engine.kind;
      one.detail = showcase_.detail(scenario, point, spec);
      one.described = describe(point, spec, varied_);
      one.spec = std::move(spec);
      if (!stopped()) place(std::move(one));
    }
    if (held_links_ > kMostLinks) run_pending();
  }

  // Runs a case here if it is quick, else puts it by for the workers.
  void place(StudyCase one) {
    try {
      choose_engine(one);
      if (belongs_to_workers(one)) {
        pending_.push_back(std::move(one));
        return;
      }
      TimedOutcome timed = run_here(one);
      if (one.takes_engine && timed.wall_s > kSlowSeconds) slow_ = kind_of(one);
      keep(one, std::move(timed));
    } catch (const std::exception&) {
      keep_failure(one, std::current_exception());
    }
    options_.on_progress(finished_, study_.planned_cases);
  }

  bool belongs_to_workers(const StudyCase& one) const {
    if (!one.takes_engine) return false;
    const bool analytic = one.engine.kind == sim::EngineKind::analytic;
    return !analytic || (options_.jobs > 1 && slow_ == kind_of(one));
  }

  void run_pending() {
    const auto work = [this](std::size_t index) { return to_bytes(run_here(pending_[index])); };
    const auto on_finished = [this](std::size_t index, const sim::JobOutcome& outcome) {
      if (outcome.status == sim::JobStatus::done) {
        keep(pending_[index], from_bytes(outcome.payload));
      } else {
        keep_failure(pending_[index], outcome.exception);
      }
      options_.on_progress(finished_, study_.planned_cases);
      if (options_.stop_requested()) throw StopEarly{};
    };
    if (!pending_.empty() && !stopped()) {
      try {
        interrupted_ = sim::run_jobs(pending_.size(), work,
                                     {.jobs = options_.jobs, .on_finished = on_finished})
                           .interrupted;
      } catch (const StopEarly&) {
        interrupted_ = true;
      }
    }
    pending_.clear();
    held_.clear();
    held_links_ = 0;
  }

  void keep(StudyCase& one, TimedOutcome timed) {
    reports::ResultCase result = std::move(one.described);
    result.outcome = std::move(timed.outcome);
    result.wall_s = timed.wall_s;
    result.engine = engine_text(one, result.outcome);
    result.outcome.labels.erase("engine");
    if (one.takes_engine && !one.engine.warning.empty()) {
      result.outcome.warnings.push_back(one.engine.warning);
    }
    const bool by_model = result.engine == "model";
    if (by_model || result.outcome.labels.contains("link_costs")) {
      calibrations_.insert(one.site->model->name());
    }
    if (by_model) {
      if (one.asked != sim::EngineKind::automatic) {
        result.outcome.warnings.push_back(fmt::format(
            "engine {} was asked for, but profile {} gives the time; `calibration: none` "
            "simulates it",
            sim::to_text(one.asked), one.site->model->name()));
      }
    }
    slots_[one.slot].result = std::move(result);
    ++finished_;
  }

  void keep_failure(StudyCase& one, const std::exception_ptr& exception) {
    study_.failure = std::min(study_.failure, cause_of(exception));
    TimedOutcome failed;
    failed.outcome.status = base::Status::failed;
    failed.outcome.reason = text_of(exception);
    keep(one, std::move(failed));
  }

  std::span<const LoadedScenario> scenarios_;
  const StudyOptions& options_;
  Study study_;
  std::vector<CaseSlot> slots_;
  std::vector<StudyCase> pending_;
  SiteCache sites_;
  std::set<std::shared_ptr<const Site>> held_;
  std::size_t held_links_ = 0;
  Showcase showcase_;
  std::set<std::string> varied_;  // by the sweep of the scenario at work
  std::optional<Kind> slow_;
  std::set<std::string> calibrations_;
  std::int64_t finished_ = 0;
  bool interrupted_ = false;
};

}  // namespace

std::int64_t count_cases(const LoadedScenario& scenario) {
  std::int64_t count = 0;
  for (const SweepPoint& point : scenario.points) {
    count += case_count(point);
  }
  return count;
}

Study run_study(std::span<const LoadedScenario> scenarios, const StudyOptions& options) {
  base::expects(options.jobs >= 1, "a study runs at least one case at a time");
  return StudyRun(scenarios, options).run();
}

}  // namespace windtunnel::scenarios

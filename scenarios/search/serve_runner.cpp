// Candidates of serving: simulated as the workload says, or at the highest rate
// that meets the SLO, or with as few replicas as carry the rate.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "scenarios/search/candidate_run.hpp"
#include "scenarios/serve_case.hpp"
#include "scenarios/study_site.hpp"
#include "strategies/serve/capacity.hpp"

namespace windtunnel::scenarios {
namespace {

using strategies::ServeJob;
using strategies::ServeOptions;

double fact(const base::Outcome& out, const std::string& name) {
  const auto found = out.facts.find(name);
  return found == out.facts.end() ? 0.0 : found->second;
}

std::string software_of(const Scenario& scenario) {
  return std::get<ServeScenario>(scenario.workload).job.strategy.software;
}

std::int64_t gpus_of_replica(const strategies::ServeStrategy& s) {
  return std::max<std::int64_t>(1, s.tensor * s.pipeline * s.data);
}

class ServeRunner : public CandidateRunner {
 public:
  ServeRunner(const LoadedScenario& loaded, const CandidateSpace& space, SearchAim aim)
      : tree_(*loaded.tree), space_(space), aim_(std::move(aim)) {
    std::map<std::string, std::shared_ptr<const Site>> known;
    for (const Setting& setting : space.settings()) {
      if (!setting.scenario) {
        sites_.push_back(nullptr);
        continue;
      }
      auto& site =
          known[site_key(setting.scenario->resolved_yaml) + software_of(*setting.scenario)];
      if (site == nullptr) site = SiteCache().at(*setting.scenario);
      sites_.push_back(site);
    }
  }

  Verdict run(const Candidate& one) override { return simulated(one, quick()); }

  base::Outcome show(const Candidate& one, const Verdict& verdict) override {
    ServeOptions options;
    if (aim_.serve != SearchAim::Serve::fewest_replicas) return simulated(one, options).outcome;
    Bound bound;
    std::string problem;
    base::expects(bind(one, bound, problem), "a candidate that was costed before");
    ServeJob job = job_of(*bound.scenario);
    job.strategy.replicas = std::llround(fact(verdict.outcome, "replicas"));
    base::Outcome out = run_job(bound, job, options);
    out.facts["replicas"] = fact(verdict.outcome, "replicas");
    add_price(*bound.scenario, out);
    return out;
  }

  std::size_t batch() const override { return 1; }

 private:
  struct Bound {
    std::optional<Scenario> scenario;
    std::shared_ptr<const Site> site;
  };

  static ServeOptions quick() { return {.request_rows = false, .load_rows = 0, .bands = false}; }
  static const ServeJob& job_of(const Scenario& scenario) {
    return std::get<ServeScenario>(scenario.workload).job;
  }

  Verdict simulated(const Candidate& one, const ServeOptions& options) {
    Bound bound;
    Verdict out;
    if (!bind(one, bound, out.reason)) {
      out.fate = Fate::infeasible;
      return out;
    }
    switch (aim_.serve) {
      case SearchAim::Serve::as_stated:
        out.outcome = run_job(bound, job_of(*bound.scenario), options);
        judge(job_of(*bound.scenario), out);
        break;
      case SearchAim::Serve::highest_rate:
        highest_rate(bound, options, out);
        break;
      case SearchAim::Serve::fewest_replicas:
        fewest_replicas(bound, out);
        break;
    }
    add_price(*bound.scenario, out.outcome);
    return out;
  }

  bool bind(const Candidate& one, Bound& out, std::string& problem) {
    const Setting& setting = space_.setting(one);
    problem = setting.problem;
    if (!setting.scenario) return false;
    tree_.forget();
    auto bound = tree_.bind(space_.assignments(one));
    if (!bound) {
      for (const base::Diagnostic& found : tree_.found().all()) problem = found.message;
      return false;
    }
    out.scenario = std::move(bound->scenario);
    out.site = software_of(*out.scenario) == software_of(*setting.scenario)
                   ? sites_[one.setting]
                   : SiteCache().at(*out.scenario);
    return true;
  }

  static base::Outcome run_job(const Bound& bound, const ServeJob& job, ServeOptions options) {
    Scenario scenario = *bound.scenario;
    std::get<ServeScenario>(scenario.workload).job = job;
    options.seed = scenario.engine.seed;
    return run_serve_case({&scenario}, *bound.site, options);
  }

  // Whether a run counts, and why not.
  void judge(const ServeJob& job, Verdict& out) const {
    const base::Outcome& run = out.outcome;
    if (run.status != base::Status::ok) {
      out.fate = run.status == base::Status::infeasible ? Fate::infeasible : Fate::failed;
      out.reason = run.reason;
      return;
    }
    out.misses_slo = job.workload.slo.any() && !meets(run);
    if (out.misses_slo) {
      out.reason =
          fact(run, "saturated") > 0
              ? "misses the SLO: requests come faster than they are served"
              : fmt::format(
                    "misses the SLO: less than {:g} % of the requests are within the limits",
                    100 * aim_.share);
    }
  }

  // Those in flight at the end are outside the limits.
  bool meets(const base::Outcome& run) const {
    const double requests = fact(run, "requests");
    const double share =
        requests > 0 ? fact(run, "slo_attainment") * (1 - fact(run, "in_flight") / requests) : 0;
    return fact(run, "saturated") <= 0 && share >= aim_.share;
  }

  void highest_rate(const Bound& bound, const ServeOptions& options, Verdict& out) const {
    out.outcome = strategies::highest_rate(
        job_of(*bound.scenario),
        [&](const ServeJob& job, const ServeOptions& how) { return run_job(bound, job, how); },
        {.serve = options, .share = aim_.share});
    out.simulations = std::max<std::int64_t>(1, std::llround(fact(out.outcome, "capacity_runs")));
    if (out.outcome.status == base::Status::ok) return;
    out.fate = Fate::infeasible;
    out.reason = out.outcome.reason;
  }

  // Bisection: where n replicas carry the rate, more do. Without any that do, the run of the most.
  void fewest_replicas(const Bound& bound, Verdict& out) const {
    ServeJob job = job_of(*bound.scenario);
    std::int64_t most = std::max<std::int64_t>(
        1, bound.scenario->cluster->gpu_count() / gpus_of_replica(job.strategy));
    std::int64_t runs = 0, shown = 0;
    bool carried = false;
    const auto carries = [&](std::int64_t replicas) {
      job.strategy.replicas = replicas;
      Verdict tried;
      tried.outcome = run_job(bound, job, quick());
      judge(job, tried);
      ++runs;
      const bool good = tried.fate == Fate::evaluated && !tried.misses_slo;
      if (good || (!carried && replicas > shown)) {
        out = std::move(tried);
        out.outcome.facts["replicas"] = static_cast<double>(replicas);
        shown = replicas;
      }
      carried = carried || good;
      return good;
    };
    std::int64_t few = 0;  // too few
    for (std::int64_t replicas = 1;; replicas = std::min(2 * replicas, most)) {
      if (carries(replicas)) {
        most = replicas;
        break;
      }
      if (replicas == most || out.fate != Fate::evaluated) break;
      few = replicas;
    }
    while (carried && most - few > 1) {
      const std::int64_t middle = few + (most - few) / 2;
      (carries(middle) ? most : few) = middle;
    }
    out.simulations = runs;
  }

  static void add_price(const Scenario& scenario, base::Outcome& out) {
    const base::Dollars hour = scenario.cluster->cost.gpu_hour * base::Seconds(3600);
    if (hour.value() > 0 && out.facts.contains("gpus")) {
      out.facts["cost_per_hour_usd"] = hour.value() * fact(out, "gpus");
    }
  }

  VariedTree& tree_;
  const CandidateSpace& space_;
  SearchAim aim_;
  std::vector<std::shared_ptr<const Site>> sites_;  // by setting
};

}  // namespace

std::unique_ptr<CandidateRunner> serve_runner(const LoadedScenario& loaded,
                                              const CandidateSpace& space, SearchAim aim) {
  return std::make_unique<ServeRunner>(loaded, space, std::move(aim));
}

}  // namespace windtunnel::scenarios

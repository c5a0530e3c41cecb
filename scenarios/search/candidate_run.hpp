// What becomes of one candidate: costed in time and memory, ruled out before that, or impossible.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "scenarios/search/candidates.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::scenarios {

// failed: the program did; the reason says how.
enum class Fate { evaluated, pruned, infeasible, failed };

struct Verdict {
  Fate fate = Fate::evaluated;
  std::string reason{};  // of a fate other than evaluated; of one that misses its SLO
  bool misses_slo = false;
  base::Outcome outcome{};  // of training: the wanted facts alone
  std::int64_t simulations = 1;
};

// What a search wants to know of a candidate.
struct SearchAim {
  std::vector<std::string> facts;           // named by objective, constraints and fronts
  std::vector<FactConstraint> constraints;  // those that rule out before a candidate is costed
  double share = 0.99;
  // Serving: what is asked of a candidate.
  enum class Serve { as_stated, highest_rate, fewest_replicas } serve = Serve::as_stated;
};

class CandidateRunner {
 public:
  virtual ~CandidateRunner() = default;
  // Deterministic, and independent of what ran before.
  virtual Verdict run(const Candidate& one) = 0;
  // All of a candidate that is to be shown, bands and tables included.
  virtual base::Outcome show(const Candidate& one, const Verdict& verdict) = 0;
  // Candidates that are worth a process of their own.
  virtual std::size_t batch() const = 0;
};

std::unique_ptr<CandidateRunner> train_runner(const LoadedScenario& loaded,
                                              const CandidateSpace& space, SearchAim aim);
std::unique_ptr<CandidateRunner> serve_runner(const LoadedScenario& loaded,
                                              const CandidateSpace& space, SearchAim aim);

}  // namespace windtunnel::scenarios

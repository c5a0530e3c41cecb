// One case of a study, from its plan to its outcome.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reports/result.hpp"
#include "scenarios/mix_case.hpp"
#include "scenarios/serve_case.hpp"
#include "scenarios/study_bytes.hpp"
#include "scenarios/study_engine.hpp"
#include "scenarios/study_site.hpp"
#include "strategies/collective/run_collective.hpp"

namespace windtunnel::scenarios {

// How much a case keeps besides its facts. Timelines and link loads are long, so a study keeps them
// for a few cases that a reader will look at.
enum class Detail { facts, everything };

// One training job: a sweep point has one.
struct TrainCase {
  const TrainScenario* scenario = nullptr;
  const Scenario* of = nullptr;  // seed and calibration
};
using CaseSpec = std::variant<strategies::CollectiveCase, TrainCase, ServeCase, MixCase>;

// The cases of a sweep point on a cluster of so many GPUs.
std::vector<CaseSpec> expand_point(const SweepPoint& point, int gpus);
std::int64_t case_count(const SweepPoint& point);

struct StudyCase {
  std::size_t slot = 0;  // its place among all cases of the study
  std::shared_ptr<const Site> site;
  CaseSpec spec;
  sim::EngineKind asked = sim::EngineKind::automatic;  // by the scenario
  bool takes_engine = true;                            // or a formula answers
  EnginePick engine;
  Detail detail = Detail::facts;
  reports::ResultCase described;  // name and parameters; the outcome is still to come
};

// The swept paths whose value is not the same at all points.
std::set<std::string> varied_paths(const LoadedScenario& scenario);

// Name and parameters; no outcome yet. `varied` paths are in the name, so that names are unique
// within a scenario: "all_reduce ring 1MiB cluster.nodes=16".
reports::ResultCase describe(const SweepPoint& point, const CaseSpec& spec,
                             const std::set<std::string>& varied);

// Decides how the case is answered, before it runs anywhere: sets `takes_engine` and `engine`.
void choose_engine(StudyCase& one);

// Runs it here. With SimGrid once a process at most.
TimedOutcome run_here(const StudyCase& one);

// A fresh engine of the kind, as its case wants it.
strategies::EngineFactory engine_factory(sim::EngineKind kind);

}  // namespace windtunnel::scenarios

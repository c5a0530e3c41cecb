// A scenario after loading: one file, resolved and bound to values; what a sweep makes of it is a
// list of cases, each a complete scenario of its own.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "models/networks/network.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"
#include "sim/engine/engine.hpp"
#include "sim/platform/cluster.hpp"
#include "strategies/collective/workload.hpp"
#include "strategies/mix/part.hpp"
#include "strategies/serve/job.hpp"
#include "strategies/train/job.hpp"

namespace windtunnel::scenarios {

// Something that the scenario format names and this version cannot run yet (exit 4, like all that
// is missing here). The message says what and where.
class NotBuilt : public base::EnvironmentError {
 public:
  using base::EnvironmentError::EnvironmentError;
};

// Of a training job. automatic: every rank on simgrid, else one of each pipeline stage.
enum class RankChoice { automatic, representative, every };

struct EngineChoice {
  sim::EngineKind kind = sim::EngineKind::automatic;
  std::uint64_t seed = 1;
  RankChoice ranks = RankChoice::automatic;
};

// `expect:` of a scenario: fact = value within a relative tolerance, or between min and max, where
// `when` holds. All figures are in SI units, as facts are. Paths in `when` are in full; op,
// algorithm and size are spelled as the parameters of a case are (workload.size).
struct Expectation {
  std::string fact;
  std::optional<double> value;
  double tolerance = 0.0;  // relative, 0.1 for 10 %
  std::optional<double> minimum;
  std::optional<double> maximum;
  std::string source;
  std::vector<std::pair<std::string, std::string>> when;  // path, in full = text of the value
  base::SourceLocation where;
};

// A training job and what it trains; shared by the points of a sweep.
struct TrainScenario {
  strategies::TrainJob job;
  std::shared_ptr<const models::Model> model;
  std::shared_ptr<const models::Network> network;
  RankChoice ranks = RankChoice::automatic;
};

// A serving job and what it serves; shared by the points of a sweep.
struct ServeScenario {
  strategies::ServeJob job;
  std::shared_ptr<const models::Model> model;
  std::shared_ptr<const models::Network> network;
};

// One job of a mix and its part of the cluster; shared by the points of a sweep.
struct MixedJob {
  std::string name;
  base::Seconds start{0};
  std::int64_t iterations = 0;  // of training, at least; 0: as run_mix() has it
  std::shared_ptr<const strategies::ClusterPart> part{};
  std::variant<TrainScenario, ServeScenario> work{};
};
struct MixScenario {
  std::vector<MixedJob> jobs;
};

using Workload =
    std::variant<strategies::CollectiveWorkload, TrainScenario, ServeScenario, MixScenario>;

struct Scenario {
  std::string name;
  std::string description;
  sim::ValidCluster cluster;
  Workload workload;
  std::string calibration;  // profile name or path; "none"; empty: the profile of the cluster's GPU
  EngineChoice engine;
  std::string resolved_yaml;  // every default filled in, names replaced by what they stand for
};

// A scenario at one point of its sweep. `parameters` are the swept paths and --set values with
// their text.
struct SweepPoint {
  std::vector<std::pair<std::string, std::string>> parameters;
  Scenario scenario;
  // Those of the file whose `when` can hold here; what is left in `when` depends on the case alone
  // (workload.op, workload.algorithm, workload.size).
  std::vector<Expectation> expectations;
};

struct Search;
class VariedTree;

struct LoadedScenario {
  std::string name;
  std::string path;
  std::string sha256;                     // of the file's bytes
  std::vector<SweepPoint> points;         // one where there is no sweep
  std::vector<Expectation> expectations;  // all of the file
  // The whole file with every default, sweep and expectations included; loads to the same text
  // again.
  std::string resolved_yaml;
  std::shared_ptr<const Search> search;  // null where the file has none
  std::shared_ptr<VariedTree> tree;      // to bind it at further points
};

struct LoadOptions {
  std::vector<std::string> sets;  // "path.to.field=VALUE"
  std::optional<std::uint64_t> seed;
  std::optional<sim::EngineKind> engine;
};

// Reads, checks and expands one scenario file. All errors of the file go to `diagnostics`, with
// position; nothing is returned if there is one. A file that cannot be opened is an
// EnvironmentError.
std::optional<LoadedScenario> load_scenario(const std::string& path, const LoadOptions& options,
                                            base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios

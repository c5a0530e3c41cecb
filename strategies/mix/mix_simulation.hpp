// The jobs of a mix on one engine, all of them or one alone. Private to strategies/mix.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "strategies/mix/job_engine.hpp"
#include "strategies/mix/run_mix.hpp"
#include "strategies/mix/serving_run.hpp"
#include "strategies/mix/training_run.hpp"

namespace windtunnel::strategies {

// A member with nothing left open; one of the two is there.
struct PreparedTraining {
  PreparedTrain prepared;
  Iteration folded;
};
struct PreparedMember {
  const MixMember& member;
  std::optional<PreparedTraining> training{};
  std::optional<PreparedServe> serving{};
};

struct MemberRun {
  std::optional<TrainedRun> trained{};
  std::optional<ServedRun> served{};
  std::vector<KvSpan> keys{};
  base::Seconds begin{0}, end{0};  // of its work, from the begin of the mix
};
struct MixRun {
  std::vector<MemberRun> members;  // of those that took part, in order
  std::vector<LinkMeter::Load> loads;
  base::Seconds end{0};
  std::int64_t events = 0;
};

// Runs `taking_part` (indices into `jobs`) from the engine's present time on. `iterations` of each
// job: exactly so many; empty: as run_mix() says.
struct MixPlan {
  const std::vector<PreparedMember>& jobs;
  std::vector<std::size_t> taking_part;
  std::vector<std::int64_t> iterations{};
};
MixRun simulate_mix(const MixPlan& plan, sim::Engine& engine, const MixOptions& options);

}  // namespace windtunnel::strategies

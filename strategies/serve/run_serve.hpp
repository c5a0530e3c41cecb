// `workload.kind: serve` from a job to its outcome: facts as contract.md section 3 lists them,
// tables, band, what it rests on.
//
// A job that cannot be laid out or does not fit in memory is `infeasible` with a sentence. Tables:
// requests (one row a request), load (batch size, queue, KV use over time), replicas, steps (mean
// parts of a step), memory; links that were used, where replicas send each other KV caches or lie on
// several nodes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/fact.hpp"
#include "sim/engine/engine.hpp"
#include "strategies/serve/engine/serve_simulation.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::strategies {

// The links of the cluster, for what replicas send each other and between their nodes. Where there
// are none each replica has links of its own (engine/transfers.hpp).
struct ServeLinks {
  const sim::Network* network = nullptr;  // of the site's cluster
  // One that shares links: a new one each time, or, SimGrid's, always the same.
  std::function<std::shared_ptr<sim::Engine>()> engine{};
};

struct ServeOptions {
  std::uint64_t seed = 1;
  bool request_rows = true;
  std::int64_t load_rows = 2'000;  // 0: no table over time
  bool bands = true;               // simulates again with slower and faster steps
  ServeLinks links{};
};

base::Outcome run_serve(const ServeJob& job, const ServeSubject& subject, const ServeSite& site,
                        const ServeOptions& options = {});

// A serving job whose simulation somebody else runs, beside other jobs: what is simulated, and what
// a run says. All references outlive it.
class PreparedServe {
 public:
  PreparedServe(const ServeJob& job, const ServeSubject& subject, const ServeSite& site,
                const ServeOptions& options);
  ~PreparedServe();
  PreparedServe(PreparedServe&&) noexcept;

  bool feasible() const;
  // Pre: feasible.
  const EngineFleet& fleet() const;
  const Traffic& traffic() const;
  // Facts and tables of a run, without bands; null: why there is no plan.
  base::Outcome outcome(const ServedRun* served) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

const std::map<std::string, base::FactInfo>& serve_fact_info();

}  // namespace windtunnel::strategies

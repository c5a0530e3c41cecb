// The result of a run: what `result.json` holds (contract.md section 4) and every writer renders.
//
// Tables with a meaning of their own; a table may have further columns, and columns named here may
// be absent where they do not apply. Column names end in their unit.
//   of a case:   timeline      participant, channel, kind (send, recv, compute), label, peer,
//   bytes, start_s, end_s
//                links         link, kind, bytes, utilisation (0..1 of what the link could carry in
//                time_s) alternatives  algorithm, protocol, time_s (fastest first) groups group,
//                time_s, alone_s, slowdown rows, groups, skipped       of `validate` parameters,
//                residuals       of `calibrate`
//   of a result: crossovers    scenario, op, ranks, from, to, bytes (`to` is faster from `bytes`
//   upwards), place (lead; pair: another is faster than both)
//                measured      op, algorithm, ranks, bytes, time_s, busbw_bytes_per_s, source
//                expectations  scenario, case, fact, expected (words), got, deviation, verdict (ok,
//                FAILS), source
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/fact.hpp"

namespace windtunnel::reports {

struct ScenarioRecord {
  std::string name;
  std::string path;
  std::string sha256;
};

struct ResultCase {
  std::string name;
  std::string scenario;  // name of its scenario where there are several
  std::vector<std::pair<std::string, base::Cell>> parameters;  // resolved path, value
  std::string engine;
  base::Outcome outcome;
  double wall_s = 0.0;
};

// A search whose best candidates are the cases (contract.md section 3, `search`). Words: objective,
// better (lower, higher), held (fields of the strategy that were not varied, with values). Tables:
//   infeasible  reason (numbers as N), candidates, example (parameters of one), sentence (its reason)
//   ruled_out   reason (a constraint, the SLO), candidates, nearest (the value that comes nearest)
//   choices     path, value, candidates, kept, the objective (best with that value), behind
//   twins       place (of a case, from 1), path, values (that are as good there, its own among them)
//   candidates  the varied paths, the facts, verdict (kept, ruled out), front (0/1); the best first
//   pareto      the front alone, chosen (0/1: best by the objective)
struct PlanRecord {
  std::map<std::string, double> facts;
  std::map<std::string, std::string> words;
  std::map<std::string, base::Table> tables;
  std::vector<std::string> varied;  // paths
  std::vector<std::string> goals;   // facts of the front
};

struct Result {
  std::string tool_version;
  std::string tool_git;
  std::vector<ScenarioRecord> scenarios;
  std::uint64_t seed = 1;
  std::vector<ResultCase> cases;
  std::map<std::string, base::FactInfo> fact_info;
  std::vector<std::string> warnings;
  std::map<std::string, base::Table> tables;  // what belongs to no one case
  std::vector<std::string> calibrations;      // names of the profiles that answered
  std::optional<PlanRecord> plan;
};

}  // namespace windtunnel::reports

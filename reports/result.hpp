// The result of a run: what `result.json` holds (contract.md section 4) and every writer renders.
#pragma once

#include <cstdint>
#include <map>
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
  std::string scenario;                              // name of its scenario where there are several
  std::vector<std::pair<std::string, base::Cell>> parameters;  // resolved path, value
  std::string engine;
  base::Outcome outcome;
  double wall_s = 0.0;
};

struct Result {
  std::string tool_version;
  std::string tool_git;
  std::vector<ScenarioRecord> scenarios;
  std::uint64_t seed = 1;
  std::vector<ResultCase> cases;
  std::map<std::string, base::FactInfo> fact_info;
  std::vector<std::string> warnings;
};

}  // namespace windtunnel::reports

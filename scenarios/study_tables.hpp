// What a finished run says beyond its single cases: which algorithm takes over from which at what
// size, and whether the scenario's `expect:` holds.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "reports/result.hpp"
#include "scenarios/scenario.hpp"

namespace windtunnel::scenarios {

// Table `crossovers` of a result (strategies/collective/crossover.hpp), each scenario, sweep point
// and op for itself. Times are compared only with times of the same footing: where a profile
// answered for some algorithms, those that were simulated on data-sheet links are left out.
struct Crossovers {
  base::Table table;
  std::set<std::string> left_out;  // algorithms
};
Crossovers find_crossovers(std::span<const reports::ResultCase> cases);

// A case and the sweep point it came from.
struct CaseOfPoint {
  const reports::ResultCase* result = nullptr;
  const SweepPoint* point = nullptr;
};

struct ExpectationCheck {
  base::Table table;  // reports/result.hpp names its columns
  int failed = 0;
};

// One row an expectation and case it holds for. It fails where the fact is out of range or missing,
// and where no case is meant by it at all (one row without a case).
ExpectationCheck check_expectations(const LoadedScenario& scenario,
                                    std::span<const CaseOfPoint> cases);

}  // namespace windtunnel::scenarios

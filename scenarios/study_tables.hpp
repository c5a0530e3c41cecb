// What a finished run says beyond its single cases: which algorithm takes over from which at what
// size, and whether the scenario's `expect:` holds.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "reports/result.hpp"
#include "scenarios/scenario.hpp"

namespace windtunnel::scenarios {

// Table `crossovers`: one row wherever the fastest algorithm changes between two neighbouring sizes
// of the same op, scenario and sweep point. `bytes` is where the two time curves meet, taken as
// straight lines between the two sizes on log-log axes; it lies between them. `auto` and cases
// without a time are left out.
base::Table find_crossovers(std::span<const reports::ResultCase> cases);

// A case and the sweep point it came from.
struct CaseOfPoint {
  const reports::ResultCase* result = nullptr;
  const Scenario* scenario = nullptr;
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

// From finished cases to the Result that reports render.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "scenarios/study.hpp"
#include "scenarios/study_tables.hpp"

namespace windtunnel::scenarios {

// One place a case, in the order of the scenarios; empty where it did not finish.
struct CaseSlot {
  std::optional<reports::ResultCase> result;
  const LoadedScenario* scenario = nullptr;
  const SweepPoint* point = nullptr;
};

// Fills study.result and study.failed_expectations. Warnings of cases are gathered: one line a
// text, with the cases it concerns counted. Expectations of an interrupted study are left
// unchecked.
void assemble(std::span<const LoadedScenario> scenarios, std::vector<CaseSlot> slots, Study& study);

}  // namespace windtunnel::scenarios

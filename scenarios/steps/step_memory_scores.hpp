// Errors of memory over validated steps, by the quantity that rows state, and who ran out of it.
//
// error = predicted / stated - 1, of a share as of bytes. Null model: the leave-one-out median of what
// the other rows of the same (GPU, quantity) state. A row is flagged when it is predicted not to fit
// or to fit only at the limit (memory_facts.hpp); a flagged row that ran is a false alarm.
#pragma once

#include <vector>

#include "scenarios/steps/step_validation.hpp"

namespace windtunnel::scenarios {

void add_memory_scores(const std::vector<ValidatedStep>& steps, base::Outcome& out);

// One row each that states memory; one row each quantity.
base::Table memory_table(const std::vector<ValidatedStep>& steps);
base::Table memory_groups_table(const std::vector<ValidatedStep>& steps);

// Why a row is flagged; "" where it is not.
std::string status_of(const ValidatedStep& step);

}  // namespace windtunnel::scenarios

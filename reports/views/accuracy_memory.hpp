// What `validate` says of memory: one sentence, errors by what was measured, the rows.
#pragma once

#include <string>

#include "reports/result.hpp"
#include "reports/view.hpp"

namespace windtunnel::reports {

bool states_memory(const ResultCase& one);

// Empty where no row states memory.
std::string memory_sentence(const ResultCase& one);

// The case's tables `memory_rows` and `memory_groups`, where it has them, with their charts. The rows go
// into every format where they are all that the file has.
void add_memory(const Result& result, const ResultCase& one, Section& section);

}  // namespace windtunnel::reports

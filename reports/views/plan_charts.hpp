// Charts of a plan.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/view.hpp"
#include "reports/views/lookup.hpp"

namespace windtunnel::reports {

// "tensor 4, pipeline 2": the varied paths of a row of a plan's table, by their last names.
std::string varied_text(const Result& result, const TableReader& rows, std::size_t row);

// Every candidate that was costed, the front drawn through, the chosen one marked: the first goal
// upwards, the second to the right. Nothing without two goals or without candidates.
std::optional<XyChart> search_front_chart(const Result& result);

}  // namespace windtunnel::reports

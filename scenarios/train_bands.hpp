// Bands of facts that are the time of an iteration turned over (tokens a second, MFU) or times a
// constant (cost): x = c / t has the band c / high .. c / low, y = c t has c low .. c high.
#pragma once

#include "sim/base/fact.hpp"

namespace windtunnel::scenarios {

// Adds those that the outcome does not have; days to a number of tokens only where nothing fails or
// is saved, because what failures cost does not go with the time of an iteration.
void add_bands_of_time(base::Outcome& outcome);

}  // namespace windtunnel::scenarios

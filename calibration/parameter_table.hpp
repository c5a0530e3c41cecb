// The fitted parameters of a profile as a table for people: one row a fabric and parameter.
#pragma once

#include "calibration/fabric_profile.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::calibration {

// Columns: fabric, gpu, parameter, unit, value, standard_error (of the value, same unit: value x
// that of its logarithm), initial (NCCL's constant), rests_on ("rows", or "prior" where the rows
// narrow the prior by less than a tenth), meaning. Values are those of the fabric as a whole;
// settings and ops of it move around them.
base::Table parameters_table(const FabricProfile& profile);

}  // namespace windtunnel::calibration

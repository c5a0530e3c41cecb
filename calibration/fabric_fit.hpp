// Fits a fabric profile to measured collectives: shared shifts first, then every fabric, setting
// and op, each with what stands above it as prior (see fabric_profile.hpp). Seconds for thousands
// of rows.
#pragma once

#include <vector>

#include "calibration/fabric_profile.hpp"

namespace windtunnel::calibration {

struct FitOptions {
  // Shared shifts to start from; without them they are fitted to the rows.
  std::optional<SharedShifts> shared;
};

// Fills name-independent parts of a profile: shared, fabrics, band. Rows of one rank are left out.
FabricProfile fit_profile(const std::vector<CollectiveMeasurement>& rows,
                          const FitOptions& options);
SharedShifts fit_shared_shifts(const std::vector<CollectiveMeasurement>& rows);

}  // namespace windtunnel::calibration

// The preconditions of Engine's calls, the same for every engine.
#pragma once

#include <cmath>

#include "sim/base/contract.hpp"
#include "sim/engine/engine.hpp"

namespace windtunnel::sim {

inline void check_duration(base::Seconds duration) {
  base::expects(duration.value() >= 0.0 && std::isfinite(duration.value()),
                "a duration is finite and not negative");
}

inline void check_transfer(const TransferRequest& request, int endpoint_count) {
  base::expects(request.from.valid() && request.from.index() < endpoint_count &&
                    request.to.valid() && request.to.index() < endpoint_count,
                "a transfer is between endpoints of the network");
  base::expects(request.bytes.value() >= 0.0 && std::isfinite(request.bytes.value()),
                "a transfer's bytes are finite and not negative");
  base::expects(request.rate_limit.value() > 0.0, "a transfer's rate limit is above 0");
  check_duration(request.extra_latency);
}

}  // namespace windtunnel::sim
